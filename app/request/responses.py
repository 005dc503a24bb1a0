"""Sending a response: with the request id, and as a problem if the request failed."""

import time
from collections.abc import Iterable

from starlette.types import Message, Receive, Scope, Send

from app.errors import Internal, Problem
from app.request.admission import Slot
from app.request.bodies import discard_body
from app.request.media_types import EVENT_STREAM, media_type_of
from app.request.problems import problem_response

LINGER = 1.0
"""Seconds a caller whose body was refused may go on sending before the connection is closed."""


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether these headers announce an event stream, whatever its parameters."""
    for name, value in headers:
        if name == b"content-type":
            return media_type_of(value) == EVENT_STREAM
    return False


class ResponseSender:
    """Sends the response to one request and remembers its status.

    An event stream gives its `slot` back when it begins: it lasts for minutes and works little.
    """

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.is_started = False
        self.status = Internal.status
        self.slot: Slot | None = None
        self.stream_started_at: float | None = None
        """When an event stream began; its duration after that is no latency."""

    async def send(self, message: Message) -> None:
        """Pass on a message of the app; an ASGI `send`."""
        if message["type"] == "http.response.start":
            self.is_started = True
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self._request_id)]
            if self.slot is not None and is_event_stream(headers):
                self.stream_started_at = time.monotonic()
                self.slot.release(succeeded=self.status < 400)
            message = {**message, "headers": headers}
        await self._send(message)

    async def send_whole(
        self, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send a response that is no event stream. `headers` lack the request id."""
        self.is_started = True
        self.status = status
        headers.append((b"x-request-id", self._request_id))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def send_problem(self, problem: Problem, scope: Scope, receive: Receive) -> None:
        """Send `problem`, unless a response has begun: the server then cuts the connection."""
        if self.is_started:
            return
        response = problem_response(problem)
        if problem.headers.get("connection") != "close":
            await response(scope, receive, self.send)
            return
        start = {"status": problem.status, "headers": response.raw_headers}
        await self.send({"type": "http.response.start", **start})
        await self.send({"type": "http.response.body", "body": response.body, "more_body": True})
        await discard_body(receive, timeout=LINGER)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})
