"""An ASGI app behind the protocol, in the test's own process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp
from uvicorn.server import ServerState

from app.process.acceptor import Acceptor
from app.process.http_protocol import uvicorn_config
from app.process.lifecycle import Lifecycle
from app.settings import ServiceSettings, load
from tests.support.processes import listen


class ManualTimers:
    """The running loop for a protocol, whose timers wait for `advance`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 1000.0
        self._timers: list[asyncio.TimerHandle] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[..., object]) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, (), self._loop)
        self._timers.append(timer)
        return timer

    def call_later(self, delay: float, callback: Callable[..., object]) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback)

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled() for timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Pass the time, and call what is due in it in its order."""
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer.when() <= end]:
            timer = min(due, key=lambda timer: timer.when())
            self._timers.remove(timer)
            if not timer.cancelled():
                self._now = max(self._now, timer.when())
                timer._run()
        self._now = end


@asynccontextmanager
async def serving(
    app: ASGIApp, settings: ServiceSettings | None = None, *, loop: ManualTimers | None = None
) -> AsyncIterator[tuple[str, int]]:
    """The address of `app` behind the protocol."""
    config = uvicorn_config(app, settings or load(ServiceSettings), Lifecycle(), lifespan="off")
    config.load()
    state: Any = ServerState()
    make: Any = config.http_protocol_class
    listener = listen()
    acceptor = Acceptor(
        listener,
        lambda: make(config=config, server_state=state, app_state={}, _loop=loop),
        reserved=lambda: 0,
    )
    try:
        yield listener.getsockname()
    finally:
        await acceptor.finish()
        for connection in list(state.connections):
            connection.transport.abort()
