"""Bases and types for what is read from and written to the wire."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_UNPRINTABLE_BUT_LINES = re.compile(_UNPRINTABLE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


class Model(BaseModel):
    """A request body: exact types, no unknown members, not changed after it was read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Answer(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


class Reading(BaseModel):
    """What we read from a neighbour's answer: the members we need, whatever else it holds."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _one_line(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError("must not hold control, invisible or direction-changing characters")
    return unicodedata.normalize("NFC", value).strip()


def _lines(value: str) -> str:
    if _UNPRINTABLE_BUT_LINES.search(value):
        raise ValueError("must not hold control, invisible or direction-changing characters")
    return unicodedata.normalize("NFC", value).strip()


def text(minimum: int, maximum: int, *, lines: bool = False) -> Any:
    """Metadata for `Annotated[str, text(1, 80)]`: printable, NFC, trimmed, between two lengths.

    Refuses NUL, control characters, lone surrogates, zero-width and bidirectional marks.
    `lines=True` allows line feeds.
    """
    # The length is checked before the work (a cheap refusal) and after it (trimming shortens).
    return _Text(minimum, maximum, lines)


class _Text:
    """Pydantic metadata behind `text`."""

    def __init__(self, minimum: int, maximum: int, lines: bool) -> None:
        self.minimum, self.maximum, self.lines = minimum, maximum, lines

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        inner: Any = Annotated[
            str,
            Field(min_length=self.minimum, max_length=self.maximum),
            AfterValidator(_lines if self.lines else _one_line),
            AfterValidator(self._long_enough),
        ]
        return handler.generate_schema(inner)

    def _long_enough(self, value: str) -> str:
        if len(value) < self.minimum:
            raise ValueError(f"must have at least {self.minimum} visible characters")
        return value
