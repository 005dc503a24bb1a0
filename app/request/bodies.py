"""Request bodies: read whole, bounded in size and time, and strict JSON or nothing.

What the JSON module of the standard library lets pass and others refuse later (or worse, read
differently) is refused here: duplicate members, NaN, 1e400, 5,000-digit numbers, deep nesting,
a byte order mark, lone surrogates, NUL.
"""

import asyncio
import contextlib
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.types import Message, Receive

from app.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_CLOSE: Mapping[str, str] = {"connection": "close"}
_MAX_DEPTH = 32
_MAX_NUMBER = 25


class ClientDisconnected(Exception):
    """The caller went away before the body was complete."""


async def read_body(
    receive: Receive, *, declared: bytes | None, limit: int, seconds: float
) -> bytes:
    """The whole body, `declared` being its Content-Length if there is one.

    Raises PayloadTooLarge over `limit` bytes, RequestTimeout when it is not complete within
    `seconds` (all of it, not each byte), BadRequest and ClientDisconnected. What is left of a
    refused body would be read as the next request, so those answers close the connection.
    """
    if declared is not None and not declared.isdigit():
        raise BadRequest("The Content-Length is not a number.", headers=_CLOSE)
    if declared is not None and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read_all(receive, limit)
    except TimeoutError:
        raise RequestTimeout("The request body did not arrive in time.", headers=_CLOSE) from None


async def _read_all(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"A body may have at most {limit} bytes.", headers=_CLOSE)


async def discard(receive: Receive, *, seconds: float) -> None:
    """Read and forget what the caller still sends, for `seconds` at most.

    Hanging up on a caller who is still sending resets the connection, and the answer with it.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out `body` once and then what the connection says."""
    handed_out = False

    async def receive_again() -> Message:
        nonlocal handed_out
        if handed_out:
            return await receive()
        handed_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def media_type_of(
    content_type: bytes | None, encoding: bytes | None, accepted: frozenset[str]
) -> str:
    """The media type of a body that may be read. Raises UnsupportedMediaType otherwise."""
    if content_type is None:
        raise _unsupported(accepted)
    media_type, _, parameters = content_type.decode("latin-1").lower().partition(";")
    media_type = media_type.strip()
    charset = parameters.replace('"', "").partition("charset=")[2].partition(";")[0].strip()
    if media_type not in accepted or charset not in ("", "utf-8", "utf8"):
        raise _unsupported(accepted)
    if encoding not in (None, b"identity"):
        raise UnsupportedMediaType("Compressed bodies are not accepted.")
    return media_type


def _unsupported(accepted: frozenset[str]) -> UnsupportedMediaType:
    kinds = " or ".join(sorted(accepted))
    return UnsupportedMediaType(f"A body must be {kinds}, in UTF-8.")


def check_json(body: bytes) -> None:
    """Raise BadRequest unless `body` is one JSON document that everybody reads the same way."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8.") from None
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(document, _MAX_DEPTH) < 0:
        raise BadRequest("The body is nested too deeply.")
    if "\\u" in text:
        _refuse_unstorable(document)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise BadRequest("The body has two members of the same name.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_NUMBER:
        raise BadRequest("The body has a number that is too long.")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRequest("The body has a number that is too large.")
    return number


def _constant(name: str) -> NoReturn:
    raise BadRequest("The body is not valid JSON.")


# Made once: json.loads would make one for every body.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
)


def _depth(value: object, left: int) -> int:
    """How many more levels would have been allowed; negative when there were too many."""
    if left < 0 or not isinstance(value, dict | list):
        return left
    items = value.values() if isinstance(value, dict) else value
    return min((_depth(item, left - 1) for item in items), default=left)


def _refuse_unstorable(document: object) -> None:
    # Only an escape can bring these in: raw ones are not valid JSON or not valid UTF-8.
    text = json.dumps(document, ensure_ascii=False)
    if "\\u0000" in text:
        raise BadRequest("The body has a text with a NUL character.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest("The body has a text that is not valid Unicode.") from None
