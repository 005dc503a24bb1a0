"""Keyset pagination: opaque cursors, and the two query parameters of every list.

POSITION = TypeAdapter(tuple[Milliseconds, OrderId])

@router.get("/orders")
async def list_orders(limit: Limit = 20, cursor: Cursor = None) -> Page[OrderResponse]:
    after = decode_cursor(cursor, "orders", POSITION) if cursor else None
    ...
    return Page(items=items, next_cursor=encode_cursor([row.created_at, row.id], "orders"))
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import Field, TypeAdapter, ValidationError

from app.errors import UnprocessablePayload
from app.models import ResponseModel

Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=512,
        pattern="^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before; absent for the first page.",
    ),
]
# The parts of a position, which is the sort key of the last item of a page.
Milliseconds = Annotated[int, Field(ge=0, lt=2**53)]
SortText = Annotated[str, Field(max_length=512, pattern=r"^[^\x00]*$")]

Item = TypeVar("Item")
PositionT = TypeVar("PositionT")
_CHECKSUM_BYTES = 6
_MAX_KEY_SIZE = hashlib.blake2b.MAX_KEY_SIZE


class Page(ResponseModel, Generic[Item]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(position: Sequence[str | int], listing: str) -> str:
    """The opaque form of `position` in `listing` (a name that keeps cursors of lists apart)."""
    payload = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(payload, listing) + payload).rstrip(b"=").decode()


def decode_cursor(cursor: str, listing: str, position: TypeAdapter[PositionT]) -> PositionT:
    """The position behind a cursor that `encode_cursor` made for the same `listing`.

    The checksum finds mistakes, not forgeries: anyone can compute it. So the content must be a
    valid `position`, and the query that uses it must return only what the caller may see.

    Raises UnprocessablePayload.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid_cursor() from error
    checksum, payload = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if checksum != _checksum(payload, listing):
        raise _invalid_cursor()
    try:
        return position.validate_json(payload, strict=True)
    except ValidationError as error:
        raise _invalid_cursor() from error


def _checksum(payload: bytes, listing: str) -> bytes:
    name = listing.encode()
    # A key has at most 64 bytes; longer names must still differ in their last letter.
    key = name if len(name) <= _MAX_KEY_SIZE else hashlib.blake2b(name).digest()
    return hashlib.blake2b(payload, digest_size=_CHECKSUM_BYTES, key=key).digest()


def _invalid_cursor() -> UnprocessablePayload:
    return UnprocessablePayload(
        "The cursor is not one this list gave out.",
        errors=[{"pointer": "/cursor", "message": "not a cursor of this list"}],
    )
