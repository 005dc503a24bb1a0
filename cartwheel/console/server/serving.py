"""The process of the console: one event loop that accepts on given sockets until it is stopped."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server as UvicornServer

from cartwheel.console.server.access import SECURITY_HEADERS, Access
from cartwheel.console.server.app import create_app
from cartwheel.console.server.contents import Contents
from cartwheel.console.server.problems import problem
from cartwheel.local.signals import handled_at_once, numbers_of_stop_signals

STOP_TIMEOUT = 2
"""Seconds that responses in flight may take once it stops."""


class _Protocol(HttpToolsProtocol):
    """Lets the application see the connection: it is `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def send_400_response(self, msg: str) -> None:
        # What the parser refuses: it never gets to the application.
        headers = {"connection": "close", **SECURITY_HEADERS}
        response = problem(400, HTTPStatus.BAD_REQUEST.phrase, msg, headers=headers)
        lines = [b"HTTP/1.1 400 Bad Request", *map(b": ".join, response.raw_headers), b"", b""]
        self.transport.write(b"\r\n".join(lines) + bytes(response.body))
        self.transport.close()


class Server(UvicornServer):
    """Ends the streams first when it stops: no page delays it."""

    def __init__(self, app: ASGIApp, *, on_stop: Callable[[], None]) -> None:
        super().__init__(
            Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_TIMEOUT,
            )
        )
        self._on_stop = on_stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again at the end, so a clean stop would look like a kill.
        with handled_at_once(dict.fromkeys(numbers_of_stop_signals(), self.handle_exit)):
            yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)


def serve(contents: Contents, sockets: Sequence[socket.socket], access: Access) -> None:
    """Serve a console until SIGINT, SIGTERM or SIGHUP."""
    Server(create_app(contents, access), on_stop=contents.stream.close).run(sockets=list(sockets))
