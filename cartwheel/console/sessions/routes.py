"""`/api/recording`: a part of the session as one file to download."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from cartwheel.console.history.archive import Archive
from cartwheel.console.server import number_of
from cartwheel.console.sessions.session_file import MEDIA_TYPE, file_name, session_lines
from cartwheel.errors import CommandError, UsageError

CHUNK_SIZE = 256 * 1024
"""Bytes that are sent at a time."""


class SessionFiles:
    """A part of the console: saves a session from its archive and the autoscaler's recording."""

    def __init__(self, archive: Archive, recording: Path) -> None:
        self._archive = archive
        self._recording = recording

    @property
    def routes(self) -> list[Route]:
        return [Route("/api/recording", self._get)]

    async def run(self) -> None:
        """Nothing happens in the background."""

    async def _get(self, request: Request) -> StreamingResponse:
        start, end = number_of(request, "from"), number_of(request, "to")
        span = await asyncio.to_thread(self._archive.span)
        if span is None:
            raise CommandError("Nothing has been recorded yet.")
        start = span[0] if start is None else max(start, span[0])
        end = span[1] if end is None else min(end, span[1])
        if end < start:
            raise UsageError("Nothing was recorded in that time.")
        lines = session_lines(self._archive, self._recording, start=start, end=end)
        chunks = _chunks(lines)
        # Before the response begins: this is where a time without anything is refused.
        first = await asyncio.to_thread(next, chunks)
        headers = {"content-disposition": f'attachment; filename="{file_name(start)}"'}
        return StreamingResponse(_in_thread(first, chunks), media_type=MEDIA_TYPE, headers=headers)


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= CHUNK_SIZE:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


async def _in_thread(first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Reading files and repeating decisions must not delay the frames."""
    chunk: bytes | None = first
    while chunk is not None:
        yield chunk
        chunk = await asyncio.to_thread(next, chunks, None)
