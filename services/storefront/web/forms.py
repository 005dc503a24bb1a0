"""Reading posted forms, and keeping what was typed when something is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.errors import BadRequest, UnsupportedMediaType
from app.request.media_types import FORM
from app.text import normalized

MAX_FIELDS = 40
PASSWORDS = frozenset({"password", "current_password", "old_password"})


@dataclass(frozen=True, slots=True)
class Form:
    """A form as the page shows it. ``errors`` go by field name, in the order of the fields.

    ``trouble`` and ``advice`` are about the whole form, ``notes`` are the details of them.
    ``status`` is what its page is answered with.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    advice: str = ""
    notes: Sequence[str] = ()
    tone: Literal["error", "wait"] = "error"
    request_id: str | None = None
    status: int = 200

    @property
    def ok(self) -> bool:
        return not self.errors and not self.trouble

    def but(self, **changes: Any) -> "Form":
        return replace(self, **changes)


async def read_form(request: Request, *, most_fields: int = MAX_FIELDS) -> dict[str, str]:
    """The fields of a posted form, trimmed but for passwords; the last of a name counts.

    Raises `UnsupportedMediaType` for what is not a form, `BadRequest` for one that is broken.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise UnsupportedMediaType(f"Forms are sent as {FORM}.")
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=most_fields,
        )
    except ValueError as error:
        raise BadRequest("The form could not be read.") from error
    return {name: value if name in PASSWORDS else value.strip() for name, value in pairs}


def unprintable(form: Mapping[str, str], names: Iterable[str], words: str) -> dict[str, str]:
    """An error for each named field with characters that the neighbours refuse."""
    errors = {}
    for name in names:
        try:
            normalized(form.get(name, ""))
        except ValueError:
            errors[name] = words
    return errors


def required(form: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """An error for each named field that is empty."""
    return {name: words for name, words in labels.items() if not form.get(name)}
