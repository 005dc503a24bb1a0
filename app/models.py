"""Bases and types for what is read from and written to the wire."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

_INVISIBLE = "\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
_UNPRINTABLE = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_UNPRINTABLE_BUT_LINES = re.compile(f"[\x00-\x09\x0b-\x1f{_INVISIBLE}]")


class Model(BaseModel):
    """A request body: exact types, no unknown members, not changed after it was read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Answer(BaseModel):
    """A response body. Every member is always sent, and OpenAPI says so."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Reading(BaseModel):
    """What we read from a neighbour's answer: the members we need, whatever else it holds."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Text:
    """Metadata for a printable text between two lengths: `Annotated[str, Text(1, 80)]`.

    Refuses NUL, control characters, lone surrogates, zero-width and bidirectional marks;
    normalises to NFC and trims. `lines=True` allows line feeds.
    """

    def __init__(self, minimum: int, maximum: int, *, lines: bool = False) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self._forbidden = _UNPRINTABLE_BUT_LINES if lines else _UNPRINTABLE

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        checked: Any = Annotated[
            source,
            Field(min_length=self.minimum, max_length=self.maximum),
            AfterValidator(self._normalised),
        ]
        return handler.generate_schema(checked)

    def _normalised(self, value: str) -> str:
        if self._forbidden.search(value):
            raise ValueError("must not hold control, invisible or direction-changing characters")
        normalised = unicodedata.normalize("NFC", value).strip()
        if len(normalised) < self.minimum:
            raise ValueError(f"must have at least {self.minimum} visible characters")
        return normalised
