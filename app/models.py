"""Bases and types for what is read from and written to the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from app.text import normalized


class RequestModel(BaseModel):
    """A request body: exact types, no unknown members, not changed after it was read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ResponseModel(BaseModel):
    """A response body. Every member is always sent, and OpenAPI says so."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


PRINTABLE = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""What a text from a neighbour may hold: what a page, a header or a store can take."""


class UpstreamModel(BaseModel):
    """What we read from a neighbour's answer: the members we need, whatever else it holds.

    Exact types; a field says how long, how many or how much there may be.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Text:
    """Metadata for a printable text between two lengths: `Annotated[str, Text(1, 80)]`.

    Normalised to NFC and trimmed before it is measured. Refuses control characters, lone
    surrogates, and what hides text or turns its direction; see `app.text`. `lines=True` allows
    line feeds.
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
        # What is not a text is refused by the type.
        return normalized(value, lines=self.lines) if isinstance(value, str) else value
