"""Sends the tries of one upstream, over the network or over what stands for it in tests."""

from app.client.errors import UpstreamBroken
from app.client.messages import Request, Response, Transport
from app.client.pool import ConnectionPool, Limits

# Long enough for a process that got no CPU for a moment: it finds its connection made instead of
# an expired timer (docs/decisions/0006-connecting-may-take-a-second.md).
CONNECT_TIMEOUT = 1.0
# Idle connections end well within an upstream's keep-alive (75 s), so that it seldom closes one
# just as we use it. When it drains or lacks file descriptors it closes them earlier: the pool looks
# at a connection before it uses it.
LIMITS = Limits(max_connections=512, max_idle=64, idle_seconds=2.0)
MAX_IDLE_STREAMS = 8
"""Idle connections kept for event streams. Most of them end with their stream."""


class UpstreamTransport:
    """Sends requests to the replicas of one upstream over pooled connections.

    Event streams have a pool of their own with at most `max_streams` connections, so that they
    take none from requests.
    """

    def __init__(
        self, upstream: str, transport: Transport | None = None, *, max_streams: int
    ) -> None:
        self._upstream = upstream
        self._requests = transport or ConnectionPool(LIMITS)
        self._streams = transport or ConnectionPool(
            Limits(max_streams, MAX_IDLE_STREAMS, LIMITS.idle_seconds)
        )

    async def aclose(self) -> None:
        for transport in {self._requests, self._streams}:
            await transport.aclose()

    async def send(
        self,
        request: Request,
        *,
        timeout: float,
        connect_timeout: float = CONNECT_TIMEOUT,
        is_event_stream: bool = False,
    ) -> Response:
        """Send and wait at most `timeout` seconds for the response's head.

        Raises `UpstreamError`, and `BadRequest` for what is not valid HTTP: it can only come
        from our own caller.
        """
        transport = self._streams if is_event_stream else self._requests
        response = await transport.send(request, timeout=timeout, connect_timeout=connect_timeout)
        if not _is_final(request, response.status_code):
            await response.aclose()
            reason = f"it answered {response.status_code}, which is not expected."
            raise UpstreamBroken(self._upstream, reason)
        return response


def _is_final(request: Request, status: int) -> bool:
    """Whether this status ends a call. None of our services redirects or switches protocols."""
    if status == 304:
        return "if-none-match" in request.headers or "if-modified-since" in request.headers
    return 200 <= status < 300 or 400 <= status < 600
