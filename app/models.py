"""Base classes and types of request bodies, response bodies and upstream responses."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from app.text import normalized


class RequestModel(BaseModel):
    """A request body: exact types, no unknown members, immutable."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        # Names only: a cache of values would keep passwords in memory.
        cache_strings="keys",
    )


class ResponseModel(BaseModel):
    """A response body. All members are always sent, and OpenAPI marks them as required."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


PRINTABLE = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""The text of an upstream: no control characters, so a page, header or store can hold it."""


class UpstreamModel(BaseModel):
    """The members that this service reads of an upstream's response; others are ignored.

    Exact types; each field limits its length, number or size.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Text:
    """Metadata for a printable text between two lengths: `Annotated[str, Text(1, 80)]`.

    The text is normalised to NFC and trimmed before its length is checked. Control characters,
    lone surrogates, and characters that hide text or change its direction are refused; see
    `app.text`. `lines=True` allows line feeds.
    """

    def __init__(self, minimum: int, maximum: int, *, lines: bool = False) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.lines = lines

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        checked: Any = Annotated[
            source,
            Field(min_length=self.minimum, max_length=self.maximum),
            BeforeValidator(self._normalized),
        ]
        return handler.generate_schema(checked)

    def _normalized(self, value: Any) -> Any:
        # The type refuses other values.
        return normalized(value, lines=self.lines) if isinstance(value, str) else value
