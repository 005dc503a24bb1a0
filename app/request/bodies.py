"""Request bodies: read whole before the request is admitted, bounded in size and time."""

import asyncio
import contextlib
import types
from collections.abc import Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import Message, Receive

from app.errors import BadRequest, PayloadTooLarge, RequestTimeout
from app.request.media_types import accepted_media_type

_CLOSE: Mapping[str, str] = {"connection": "close"}


class ClientDisconnected(Exception):
    """The caller went away before the body was complete."""


@dataclass(frozen=True, slots=True)
class Body:
    """A whole request body and its media type, which is empty for an empty body."""

    content: bytes
    media_type: str


_SINGLE = (b"content-type", b"content-encoding")


def check_repetitions(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise BadRequest if what describes the body is said twice: readers would differ."""
    names = [name for name, _ in headers]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise BadRequest(f"The header {name.decode().title()} may appear only once.")


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether these headers announce a body that is not empty, or may not be."""
    return headers.get(b"content-length") not in (None, b"0") or b"transfer-encoding" in headers


class BodyReader:
    """Reads bodies of at most `limit` bytes within `timeout` seconds."""

    def __init__(self, *, limit: int, timeout: float, accepted: frozenset[str]) -> None:
        self._limit = limit
        self._timeout = timeout
        self._accepted = accepted

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes]) -> Body | None:
        """The body; None if the request has none. Raises Problem, ClientDisconnected."""
        if not has_body(headers):
            return None
        declared = headers.get(b"content-length")
        content = await _read_body(
            receive, declared=declared, limit=self._limit, timeout=self._timeout
        )
        if not content:
            return Body(content, "")
        content_type, encoding = headers.get(b"content-type"), headers.get(b"content-encoding")
        return Body(content, accepted_media_type(content_type, encoding, self._accepted))


async def _read_body(
    receive: Receive, *, declared: bytes | None, limit: int, timeout: float
) -> bytes:
    """The whole body; `declared` is its Content-Length, if there is one.

    Raises PayloadTooLarge over `limit` bytes, RequestTimeout if the last byte is not here within
    `timeout` seconds, BadRequest and ClientDisconnected. The rest of a refused body would be read
    as the next request, so these responses close the connection.
    """
    if declared is not None and not declared.isdigit():
        raise BadRequest("The Content-Length is not a number.", headers=_CLOSE)
    if declared is not None and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        return await _within(timeout, _read_chunks(receive, limit))
    except TimeoutError:
        raise RequestTimeout("The request body did not arrive in time.", headers=_CLOSE) from None


async def _within(timeout: float, work: Coroutine[Any, Any, bytes]) -> bytes:
    """What `work` returns. Raises TimeoutError if that takes more than `timeout` seconds."""
    # Nearly every body is here before it is asked for. Then `work` ends with its first step, and
    # saves the 4 µs of a timer.
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return cast(bytes, end.value)
    async with asyncio.timeout(timeout):
        return await _resume(work, awaited)


@types.coroutine
def _resume(work: Coroutine[Any, Any, bytes], awaited: Any) -> Generator[Any, Any, bytes]:
    """Go on with `work`, whose first step has led to `awaited`."""
    try:
        while True:
            try:
                result = yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(result)
    except StopIteration as end:
        return cast(bytes, end.value)


async def _read_chunks(receive: Receive, limit: int) -> bytes:
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


def replay(body: Body | None, receive: Receive) -> Receive:
    """A `receive` that returns `body` once, and then what the connection reports."""
    if body is None:
        return receive
    is_replayed = False

    async def replaying() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body.content, "more_body": False}

    return replaying


async def discard_body(receive: Receive, *, timeout: float) -> None:
    """Read and drop what the caller still sends, for at most `timeout` seconds.

    Closing while the caller sends would reset the connection and destroy the response.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
