"""Limits how much of an upstream's responses is held in memory at once."""

from collections.abc import Callable

from app.client.errors import LocalLimit, UpstreamBroken
from app.client.messages import Response

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""More than the longest list of any service, which is a hundred orders of a hundred lines."""
MAX_BUFFERED_BYTES = 8 * 1024 * 1024
"""For all responses of one upstream that are being read: a process with four upstreams and 256 MiB
of memory survives when all of them send too much."""


class Buffers:
    """Reads the responses of one upstream into memory, within bounds."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._held = 0

    async def read(
        self,
        response: Response,
        *,
        limit: int = MAX_RESPONSE_BYTES,
        seconds_left: Callable[[], float],
    ) -> bytes:
        """Return the whole body.

        Raises `UpstreamBroken` for one longer than `limit`, and `LocalLimit` when too much is
        being read already.
        """
        if _declared_length(response) > limit:
            raise self._too_long()
        parts: list[bytes] = []  # growing one buffer would leave holes in memory behind
        size = 0
        try:
            while (part := await response.next_part(seconds_left())) is not None:
                parts.append(part)
                size += len(part)
                self._held += len(part)
                if size > limit:
                    raise self._too_long()
                if self._held > MAX_BUFFERED_BYTES:
                    raise LocalLimit(self._upstream, "too much of it is being read already.")
            return parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self._held -= size
            parts.clear()  # an error's traceback would keep them until the next collection

    def _too_long(self) -> UpstreamBroken:
        return UpstreamBroken(self._upstream, "its response is too long.")


def _declared_length(response: Response) -> int:
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
