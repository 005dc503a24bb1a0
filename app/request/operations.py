"""What a service tells those who run it: probes and metrics.

Not part of its API: not in OpenAPI, not counted, never shed, and answered before anything else is
looked at, so that a replica with all the work it can do is seen to be well. Kubernetes asks on a
port of its own (`CARTWHEEL_OPERATIONS_PORT`), where no line of waiting connections is in the way.

A public service keeps its numbers from strangers: where operations have a port of their own,
its public one answers no `/metrics`, and `/readyz` without a reason.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.errors import MethodNotAllowed, NotFound
from app.process.acceptor import Acceptor, address_of, reserve
from app.process.health import WELL, Health
from app.process.http_protocol import uvicorn_config
from app.process.lifecycle import Lifecycle
from app.request.problems import problem_response
from app.settings import ServiceSettings
from app.telemetry.logs import get_logger
from app.telemetry.metrics import CONTENT_TYPE, Metrics

METRICS = "/metrics"
PATHS = frozenset({"/livez", "/readyz", "/healthz", METRICS})


class Operations:
    """The operations of one service; an ASGI app for a port where nothing else is answered."""

    def __init__(
        self, *, metrics: Metrics, health: Health, lifecycle: Lifecycle, public: bool
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._lifecycle = lifecycle
        self._public = public
        self.listener: socket.socket | None = None
        self._callers_ports: set[int] = set()

    def listen_on(self, listener: socket.socket) -> None:
        """Have a port of their own: from now on none of the service's own app is for operations."""
        self.listener = listener

    def keep_private_from(self, port: int) -> None:
        """From now on `port` is for callers; others of the same app are for operations too."""
        self._callers_ports.add(port)

    def handles(self, scope: Scope) -> bool:
        """Whether a request to the service's own app is one for operations."""
        path = scope["path"]
        return path in PATHS and (path != METRICS or not self._is_from_strangers(scope))

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the service's own app."""
        response = await self._response(scope, in_detail=not self._is_from_strangers(scope))
        await response(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope, in_detail=True)
        await response(scope, receive, send)

    def _is_from_strangers(self, scope: Scope) -> bool:
        if not self._public:
            return False
        return self.listener is not None or (
            bool(self._callers_ports) and scope["server"][1] in self._callers_ports
        )

    async def _response(self, scope: Scope, *, in_detail: bool) -> Response:
        path = scope["path"]
        if path not in PATHS:
            return problem_response(NotFound("There is nothing here."))
        if scope["method"] not in ("GET", "HEAD"):
            return problem_response(
                MethodNotAllowed("This is for reading.", headers={"allow": "GET, HEAD"})
            )
        if path == METRICS:
            return Response(self._metrics.render(), headers={"content-type": CONTENT_TYPE})
        if path == "/readyz":
            verbose = in_detail and "verbose" in QueryParams(scope["query_string"])
            return await self._readiness(verbose=verbose)
        return JSONResponse({"status": "alive"})

    async def _readiness(self, *, verbose: bool) -> Response:
        draining = self._lifecycle.draining
        results = await self._health.results()
        is_ready = not draining and all(result == WELL for result in results.values())
        status = "ready" if is_ready else "draining" if draining else "unready"
        answer: dict[str, Any] = {"status": status}
        if verbose:
            answer["checks"] = results
        return JSONResponse(answer, status_code=200 if is_ready else 503)


@asynccontextmanager
async def listening(
    operations: Operations, settings: ServiceSettings, lifecycle: Lifecycle
) -> AsyncIterator[None]:
    """Answer operations on their own port, if they have one, to the end of the block."""
    listener = operations.listener
    if listener is None:
        yield
        return
    config = uvicorn_config(operations, settings, lifecycle, lifespan="off")
    config.load()
    state = ServerState()
    protocol = cast(Callable[..., asyncio.Protocol], config.http_protocol_class)
    acceptor = Acceptor(
        listener,
        lambda: protocol(config=config, server_state=state, app_state={}),
        # Fewer than callers have to leave: when those wait, this still answers.
        reserved=reserve() // 2,
    )
    get_logger().info("operations.listening", listening=address_of(listener))
    try:
        yield
    finally:
        acceptor.close()
        listener.close()
        for connection in list(state.connections):
            connection.shutdown()
