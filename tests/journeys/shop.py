"""The five services as processes, with real stores that are migrated and filled."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from socket import socket
from typing import Protocol

from tests.support.processes import ROOT, ServiceProcess, listen, start_service, url_of

STORED = ("products", "cart", "user", "tracking")
SERVICES = (*STORED, "storefront")
COURIER_STEP_SECONDS = 1.0


class Start(Protocol):
    def __call__(
        self, service: str, listener: socket | None = None, /
    ) -> AbstractAsyncContextManager[ServiceProcess]: ...


class RunningShop:
    """One replica of each service. `start` makes another one on the same port."""

    def __init__(self, start: Start, stack: AsyncExitStack) -> None:
        self.services: dict[str, ServiceProcess] = {}
        self._start = start
        self._stack = stack

    @property
    def url(self) -> str:
        return self.services["storefront"].url

    async def start(self, service: str) -> None:
        self.services[service] = await self._stack.enter_async_context(self._start(service))

    async def another(self, service: str) -> ServiceProcess:
        """One more replica, on a port of its own, so that a test can choose between the two."""
        listener = self._stack.enter_context(listen())
        replica = await self._stack.enter_async_context(self._start(service, listener))
        await replica.ready()
        return replica

    async def replace(self, service: str) -> None:
        """Like a rolling update: starts the new replica, then stops the old one."""
        old = self.services[service]
        await self.start(service)
        assert await old.stop() == 0


@asynccontextmanager
async def running_shop(folder: Path) -> AsyncIterator[RunningShop]:
    """The whole shop, with its data in `folder`."""
    environments = {}
    async with AsyncExitStack() as stack:
        listeners = {name: stack.enter_context(listen()) for name in SERVICES}
        shared = {
            "CARTWHEEL_SERVICE_TOKENS": secrets.token_urlsafe(32),
            "CARTWHEEL_COURIER_STEP_SECONDS": str(COURIER_STEP_SECONDS),
            "CARTWHEEL_COURIER_ROUNDS_SECONDS": "0.1",
            "CARTWHEEL_EVENTS_POLL_SECONDS": "0.1",
            **{f"CARTWHEEL_{name.upper()}_URL": url_of(one) for name, one in listeners.items()},
        }
        for name in SERVICES:
            store = f"sqlite:///{folder / name}.sqlite3"
            environments[name] = shared | {"CARTWHEEL_STORE_URL": store}
        for name in STORED:
            if (ROOT / "services" / name / "migrations").is_dir():
                _run("app.stores.migrations", f"services.{name}", env=environments[name])
        _run("services.products.seed", env=environments["products"])

        def start(
            name: str, listener: socket | None = None
        ) -> AbstractAsyncContextManager[ServiceProcess]:
            own = listener or listeners[name]
            return start_service(name, environments[name], folder=folder, listener=own, wait=False)

        shop = RunningShop(start, stack)
        for name in SERVICES:
            await shop.start(name)
        for replica in shop.services.values():
            await replica.ready()
        yield shop


def _run(module: str, *arguments: str, env: Mapping[str, str]) -> None:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(
        command, cwd=ROOT, env={**inherited, **env}, check=True, capture_output=True, timeout=60
    )
