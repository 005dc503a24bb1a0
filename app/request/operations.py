"""Probes and metrics: the endpoints for operating a service.

They are not part of its API: not in OpenAPI, not counted, never shed, and answered before every
other stage, so that a fully loaded replica still passes its probes. Kubernetes uses a separate
port (`CARTWHEEL_OPERATIONS_PORT`), where no probe waits behind other connections.

A public service hides its metrics from strangers: if operations have their own port, the public
port answers no `/metrics`, and `/readyz` without reasons.
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
from app.process.acceptor import Acceptor, address_of, reserved_descriptors
from app.process.health import PASSED, Health
from app.process.http_protocol import uvicorn_config
from app.process.lifecycle import Lifecycle
from app.request.problems import problem_response
from app.settings import ServiceSettings
from app.telemetry.exposition import CONTENT_TYPE
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

METRICS = "/metrics"
PATHS = frozenset({"/livez", "/readyz", "/healthz", METRICS})


class Operations:
    """The operations of one service; as an ASGI app, everything that their own port answers."""

    def __init__(
        self, *, metrics: Metrics, health: Health, lifecycle: Lifecycle, public: bool
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._lifecycle = lifecycle
        self._public = public
        self.listener: socket.socket | None = None
        self._public_ports: set[int] = set()

    def listen_on(self, listener: socket.socket) -> None:
        """Use a separate port: the service's own port is then for callers only."""
        self.listener = listener

    def mark_public(self, port: int) -> None:
        """Treat `port` as reached by strangers; other ports of the app are for operations, too."""
        self._public_ports.add(port)

    def handles(self, scope: Scope) -> bool:
        """Whether a request to the service's app is for operations."""
        path = scope["path"]
        return path in PATHS and (path != METRICS or not self._is_from_stranger(scope))

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the service's app that `handles` accepted."""
        response = await self._response(scope, detailed=not self._is_from_stranger(scope))
        await response(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope, detailed=True)
        await response(scope, receive, send)

    def _is_from_stranger(self, scope: Scope) -> bool:
        if not self._public:
            return False
        return self.listener is not None or (
            bool(self._public_ports) and scope["server"][1] in self._public_ports
        )

    async def _response(self, scope: Scope, *, detailed: bool) -> Response:
        path = scope["path"]
        if path not in PATHS:
            return problem_response(NotFound("There is nothing here."))
        if scope["method"] not in ("GET", "HEAD"):
            return problem_response(
                MethodNotAllowed("This is for reading.", headers={"allow": "GET, HEAD"})
            )
        if path == METRICS:
            return Response(
                await self._metrics.render_in_turns(), headers={"content-type": CONTENT_TYPE}
            )
        if path == "/readyz":
            verbose = detailed and "verbose" in QueryParams(scope["query_string"])
            return await self._readiness(verbose=verbose)
        return JSONResponse({"status": "alive"})

    async def _readiness(self, *, verbose: bool) -> Response:
        draining = self._lifecycle.draining
        results = await self._health.results()
        is_ready = not draining and all(result == PASSED for result in results.values())
        status = "ready" if is_ready else "draining" if draining else "unready"
        body: dict[str, Any] = {"status": status}
        if verbose:
            body["checks"] = results
        return JSONResponse(body, status_code=200 if is_ready else 503)


@asynccontextmanager
async def serve_operations(
    operations: Operations, settings: ServiceSettings, lifecycle: Lifecycle
) -> AsyncIterator[None]:
    """Serve operations on their own port, if they have one, until the end of the block."""
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
        # Fewer than for the service: when its callers have to wait, this still answers.
        reserved=lambda: reserved_descriptors() // 2,
    )
    get_logger().info("operations.listening", listening=address_of(listener))
    try:
        yield
    finally:
        acceptor.close()
        listener.close()
        for connection in list(state.connections):
            connection.shutdown()
