"""A fake shop that answers the requests of the scenario `browse`."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

MAX_HOLD = 30.0


class _Shop(BaseHTTPRequestHandler):
    """Answers every request with one status, once it is open."""

    status = 200
    is_open = Event()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.is_open.wait(MAX_HOLD)
        status = 200 if self.path == "/healthz" else self.status
        body = b'{"items": [{"sku": "KIT-1", "available": 5}]}'
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Print nothing when a client disconnects."""


@contextmanager
def shop(status: int = 200, *, is_open: bool = True) -> Iterator[str]:
    """The URL of a shop that answers with this status; one that is not open holds all requests."""
    opened = Event()
    if is_open:
        opened.set()
    handler = type("Shop", (_Shop,), {"status": status, "is_open": opened})
    with _Server(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            opened.set()
            server.shutdown()
