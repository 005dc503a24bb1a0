"""The shop on Valkey and Postgres, which a test can stop, replace and fail over."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.support.ports import free_port
from tests.support.postgres import SYNCHRONOUS, PostgresServer
from tests.support.shop import Shop, running_shop
from tests.support.valkey_server import ValkeyServer
from tests.support.waiting import until

SQL_SERVICES = ("products", "user", "tracking")
STANDBY_WITHIN = 20.0


@dataclass(frozen=True)
class RealShop:
    """The five services, and the stores that they use."""

    services: Shop
    postgres: "PostgresPair"
    valkey: ValkeyServer


@asynccontextmanager
async def running_real_shop(folder: Path) -> AsyncIterator[RealShop]:
    """A shop with stores of its own; `folder` gets their files."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(_running_pair())
        valkey = ValkeyServer(folder)
        stack.callback(valkey.kill)
        valkey.start()
        stores = {service: postgres.url(service) for service in SQL_SERVICES}
        stores["cart"] = valkey.url
        for service in SQL_SERVICES:
            await run_sql(postgres.primary.url(), f'CREATE DATABASE "{service}"')
        services = await stack.enter_async_context(running_shop(folder, stores=stores))
        yield RealShop(services, postgres, valkey)


class PostgresPair:
    """Two places for a server: one has the primary, the other may get a standby."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [free_port(), free_port()]
        self.primary = PostgresServer(self._place(0), port=self._ports[0], options=SYNCHRONOUS)
        self.primary.start()

    def url(self, database: str) -> str:
        """Of the one that accepts writes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"

    async def attach_standby(self) -> PostgresServer:
        """A standby that has each change before the primary acknowledges it."""
        standby = await asyncio.to_thread(self._start_standby)
        primary = self.primary.url()
        await run_sql(
            primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"
        )

        async def is_followed() -> bool:
            return await read_sql(primary, "SELECT sync_state FROM pg_stat_replication") == "sync"

        await until(is_followed, within=STANDBY_WITHIN)
        return standby

    async def fail_over_to(self, standby: PostgresServer) -> None:
        """The primary ends without a word, and the standby takes its place."""
        await asyncio.to_thread(self.primary.stop, mode="immediate")
        await asyncio.to_thread(standby.promote)
        self.primary = standby

    def _start_standby(self) -> PostgresServer:
        free = 1 - self._ports.index(self.primary.port)
        standby = PostgresServer(
            self._place(free), port=self._ports[free], options=SYNCHRONOUS, primary=self.primary
        )
        standby.start()
        return standby

    def _place(self, number: int) -> Path:
        place = self._folder / str(number)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place


@contextmanager
def _running_pair() -> Iterator[PostgresPair]:
    # Not pytest's folder: the user that runs the server has no access to it.
    folder = Path(tempfile.mkdtemp(prefix="cartwheel-postgres-"))
    folder.chmod(0o755)
    pair = PostgresPair(folder)
    try:
        yield pair
    finally:
        pair.primary.stop(mode="immediate")
        shutil.rmtree(folder, ignore_errors=True)


async def run_sql(url: str, *statements: str) -> None:
    """Each commits by itself."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def read_sql(url: str, query: str) -> object:
    """The first value that a query returns."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
