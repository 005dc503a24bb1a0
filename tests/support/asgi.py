"""An ASGI app in this process, called without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the lifespan of `app` and yield a client with the base URL `http://service`.

    The lifespan's state reaches the requests, as it does under a server.
    """
    state: dict[str, object] = {}

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    async with app.router.lifespan_context(app) as yielded:
        state.update(yielded or {})
        transport = httpx2.ASGITransport(app=with_state, raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


async def call(app: FastAPI, method: str, path: str) -> list[Message]:
    """The ASGI messages that `app` sends for a minimal request with any method."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()  # the client sends no body and stays connected
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "state": {},
    }
    await app(scope, receive, send)
    return sent
