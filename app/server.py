"""The process of one replica: `python -m app.server services.cart.main:create [--fd N ...]`.

The entry point of the containers and of the local supervisor. One event loop, one uvicorn
server, no workers: a replica is one process, and others start as many as they need.

`--fd` passes a listening socket of the service, which all its replicas share, `--own-fd` one of
this replica alone. Without any, a socket is opened on the settings' host and port.

A stop (SIGTERM, SIGINT) loses no request, because of its order:

1. Stop accepting on the shared sockets: the other replicas accept what arrives.
2. Become unready, and send `Connection: close` with each response.
3. Wait `drain_wait`, so that clients and load balancers notice. It keeps accepting on its own
   sockets during this wait, then accepts what is queued and closes them.
4. Close idle connections and finish the requests in flight within `drain_grace`.
5. End the lifespan and exit with 0. A second signal exits at once.
"""

if __name__ == "__main__":
    import os
    import signal

    # The kernel keeps SIGTERM from process 1 of a container until there is a handler. The server
    # has its own, but only after the imports and the factory.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

    # Before the libraries below, because it decides what they import.
    from app.process.lean_start import prepare

    prepare()

import argparse
import asyncio
import contextlib
import gc
import importlib
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import cast

from fastapi import FastAPI
from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

from app.process.acceptor import Acceptor, address_of, listen, reserved_descriptors
from app.process.http_protocol import uvicorn_config
from app.process.lifecycle import Lifecycle
from app.process.vanished_peers import limit_unacknowledged
from app.settings import ServiceSettings, SettingsError
from app.telemetry.logs import configure_logging, get_logger

USAGE_ERROR = 2
STARTUP_FAILED = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server(UvicornServer):
    """uvicorn's server, with a stop that loses no request."""

    def __init__(
        self,
        config: Config,
        *,
        lifecycle: Lifecycle,
        settings: ServiceSettings,
        own_sockets: int = 0,
    ) -> None:
        """The last ``own_sockets`` sockets are this replica's alone."""
        super().__init__(config)
        self._own_sockets = own_sockets
        self._lifecycle = lifecycle
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILED)
        for listener in sockets or ():
            limit_unacknowledged(listener, seconds=self._settings.write_timeout)
        acceptors = [
            Acceptor(
                listener,
                self._make_protocol,
                reserved=reserved_descriptors,
                on_shortage=self._close_idle_connections,
            )
            for listener in sockets or ()
        ]
        self.servers = cast(list[asyncio.Server], acceptors)
        self.started = True
        gc.collect()
        gc.freeze()
        addresses = [address_of(listener) for listener in sockets or ()]
        get_logger().info("server.started", pid=os.getpid(), listening=addresses)

    def _make_protocol(self) -> asyncio.Protocol:
        make = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _close_idle_connections(self) -> None:
        """End each connection as when the process stops: after its request in flight."""
        for connection in list(self.server_state.connections):
            connection.shutdown()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        get_logger().info("server.draining")
        acceptors = cast(list[Acceptor], self.servers)
        shared_count = len(acceptors) - self._own_sockets
        for shared in acceptors[:shared_count]:
            shared.close()
        self._lifecycle.start_draining()
        await asyncio.sleep(self._settings.drain_wait)
        for own in acceptors[shared_count:]:
            await own.finish()
        await super().shutdown(sockets)
        get_logger().info("server.stopped")

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn raises the signal again at the end, so a clean stop would look like a kill.
        previous = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a service until it is stopped; the exit code (2: wrong usage or settings)."""
    parser = argparse.ArgumentParser(prog="python -m app.server", description="Run one replica.")
    parser.add_argument("factory", help="module:function that builds the app")
    parser.add_argument(
        "--fd", type=int, action="append", default=[], help="inherited socket of the service"
    )
    parser.add_argument(
        "--own-fd", type=int, action="append", default=[], help="inherited socket of the replica"
    )
    options = parser.parse_args(arguments)
    try:
        app = _load_factory(options.factory)()
        settings: ServiceSettings = app.state.settings
        listeners = _listeners(settings, [*options.fd, *options.own_fd])
        if settings.operations_port is not None:
            app.state.operations.listen_on(listen(settings, "operations_port"))
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return USAGE_ERROR
    configure_logging(settings, app.state.service)
    if options.own_fd:
        # Callers use the shared sockets.
        app.state.operations.mark_public(listeners[0].getsockname()[1])
    lifecycle = app.state.lifecycle
    config = uvicorn_config(app, settings, lifecycle, lifespan="on")
    own_sockets = len(listeners) - len(options.fd)
    server = Server(config, lifecycle=lifecycle, settings=settings, own_sockets=own_sockets)
    server.run(sockets=listeners)
    return 0


def _load_factory(factory: str) -> Callable[[], FastAPI]:
    """The function named `module:function`. Raises SettingsError if there is none.

    An error inside the module is not caught, so it keeps its traceback.
    """
    module, _, name = factory.partition(":")
    found = None
    if _exists(module):
        found = getattr(importlib.import_module(module), name, None)
    if not callable(found):
        raise SettingsError(
            [f"{factory}: there is no such function; allowed: one like services.cart.main:create"]
        )
    return cast(Callable[[], FastAPI], found)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _listeners(settings: ServiceSettings, descriptors: Sequence[int]) -> list[socket.socket]:
    """The sockets to accept on. Raises SettingsError naming the variable to change."""
    if descriptors:
        return [_inherited(descriptor) for descriptor in descriptors]
    return [listen(settings, "port")]


def _inherited(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        raise SettingsError([f"--fd {descriptor}: is not an inherited socket"]) from None


if __name__ == "__main__":
    sys.exit(main())
