"""The server of the console on a socket of its own, in the loop of the test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from cartwheel.console.live import Live
from cartwheel.console.server import Access, Contents, Part, Session, create_app
from cartwheel.console.server.access import hosts_of
from cartwheel.console.server.event_stream import EventStream
from cartwheel.console.server.serving import Server
from tests.support.waiting import until

TOKEN = "the-token-of-this-test"


@dataclass(frozen=True)
class Console:
    """A console that serves, and a client for it without any header of a browser."""

    url: str
    live: Live
    stream: EventStream
    client: httpx2.AsyncClient
    server: Server
    serving: asyncio.Task[None]

    @property
    def port(self) -> int:
        return httpx2.URL(self.url).port or 80

    @property
    def token(self) -> dict[str, str]:
        return {"authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def serving_console(
    parts: Sequence[Part] = (),
    *,
    session: Session | Callable[[], Session] | None = None,
    live: Live | None = None,
) -> AsyncIterator[Console]:
    """Serve these parts; ``live`` is the one that they publish to."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    access = Access(
        TOKEN,
        hosts=hosts_of(["127.0.0.1", "localhost", "[::1]"], port),
        without_token="Open the link that `cartwheel status` prints.",
    )
    live = live or Live()
    stream = EventStream(live)
    shown = session or Session("local", "A shop")
    contents = Contents(live, stream, parts, session=shown if callable(shown) else lambda: shown)
    server = Server(create_app(contents, access), on_stop=stream.close)
    serving = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=10.0) as client:
            yield Console(url, live, stream, client, server, serving)
    finally:
        server.should_exit = True
        await serving
