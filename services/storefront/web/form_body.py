"""Reading the body of a posted form."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from app.errors import BadRequest, UnsupportedMediaType
from app.request.media_types import FORM

MAX_FIELDS = 40
PASSWORDS = frozenset({"password", "current_password", "old_password"})


async def read_form_body(request: Request, *, max_fields: int = MAX_FIELDS) -> dict[str, str]:
    """The fields, trimmed except passwords; the last one of a name counts.

    Raises `UnsupportedMediaType` for what is not a form, `BadRequest` for one that is broken.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise UnsupportedMediaType(f"Forms are sent as {FORM}.")
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=max_fields,
        )
    except ValueError as error:
        raise BadRequest("The form could not be read.") from error
    return {name: value if name in PASSWORDS else value.strip() for name, value in pairs}
