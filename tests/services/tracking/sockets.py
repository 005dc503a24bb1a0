"""Services and neighbours on real sockets, for what cannot be seen without one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx2
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.processes import listen, url_of


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """``app`` behind a port of its own in this process; yields its URL."""
    config = uvicorn.Config(app, ws="none", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = listen()
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        await task
        listener.close()


def on_the_wire(answer: Callable[[httpx2.Request], httpx2.Response]) -> ASGIApp:
    """A fake neighbour as an app, for callers in another process. Its troubles become 503."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        content = b""
        while (message := await receive())["type"] == "http.request":
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = httpx2.Request(
            scope["method"],
            f"http://neighbour{scope['path']}",
            headers=scope["headers"],
            content=content,
        )
        response = answer(request)
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": response.content})

    return app


@dataclass
class Listening:
    """What an open stream has brought so far."""

    status: int
    lines: list[str] = field(default_factory=list)
    has_ended: bool = False

    def events(self) -> list[str]:
        """The kinds and ids, such as ``shipment 1``."""
        kinds = [line.removeprefix("event: ") for line in self.lines if line.startswith("event:")]
        ids = [line.removeprefix("id: ") for line in self.lines if line.startswith("id:")]
        return [f"{kind} {ids.pop(0)}" if kind == "shipment" else kind for kind in kinds]

    def comments(self) -> int:
        return sum(line.startswith(":") for line in self.lines)


@asynccontextmanager
async def listening(url: str, order_id: str, headers: dict[str, str]) -> AsyncIterator[Listening]:
    """Follow an order's events in the background."""
    path = f"{url}/v1/orders/{order_id}/events"
    async with (
        httpx2.AsyncClient(timeout=10) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        heard = Listening(response.status_code)

        async def hear() -> None:
            async for line in response.aiter_lines():
                heard.lines.append(line)
            heard.has_ended = True

        task = asyncio.create_task(hear())
        try:
            yield heard
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
