"""An app in this process, asked through its front door without a socket."""

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


async def call(app: FastAPI, scope: Scope, receive: Receive) -> list[Message]:
    """What `app` sends for a scope no client library would make."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent
