"""An app in this process, asked through its front door without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the lifespan of `app` and yield a client whose base URL is `http://service`.

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
    """What `app` sends for a bare request: for many of them, and for methods no client knows."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()  # a caller who says no more and stays on the line
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
