"""A fake shop that answers the requests of the scenario `browse`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from typing import Any

MAX_HOLD = 30.0


class _Shop(BaseHTTPRequestHandler):
    """Answers every request with one status, once it is open."""

    status = 200
    body = b""
    is_open = Event()
    on_request: Callable[[], None]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_probe = self.path == "/healthz"
        if not is_probe:
            self.is_open.wait(MAX_HOLD)
            type(self).on_request()
        status = 200 if is_probe else self.status
        body = self.body
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections: set[socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def close_connections(self) -> None:
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Print nothing when a client disconnects."""


@contextmanager
def shop(
    status: int = 200,
    *,
    body: bytes = b'{"items": [{"sku": "KIT-1", "available": 5}]}',
    is_open: bool = True,
    port: int = 0,
    on_request: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """The URL of a shop that answers with this status; one that is not open holds its requests.

    When it is over, its connections are closed.
    """
    opened = Event()
    if is_open:
        opened.set()
    members = {"status": status, "body": body, "is_open": opened}
    handler = type("Shop", (_Shop,), {**members, "on_request": staticmethod(on_request)})
    with _Server(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            opened.set()
            server.shutdown()
            server.close_connections()
