"""A fake neighbour is a function from request to response."""

from collections.abc import Callable

import httpx2

Answering = Callable[[httpx2.Request], httpx2.Response]


class FakeUpstream(httpx2.AsyncBaseTransport):
    """A transport that answers with `answer` and keeps what it was asked.

    `answer` may raise one of httpx2's transport errors to play a broken neighbour.
    """

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        return self._answer(request)
