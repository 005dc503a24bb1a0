"""What happens once, before and beside the replicas: migrations and goods to sell."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from cartwheel.errors import CommandError, StartError, described
from cartwheel.local.child_processes import Processes, run_to_end
from cartwheel.local.events import Nobody
from cartwheel.local.replica import Timeouts
from cartwheel.local.service_environment import environment_of
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.stores import open_stores
from cartwheel.local.topology import ServiceSpec

TIMEOUT = 120.0  # a migration may rewrite a table
SQL_STORES = ("sqlite:", "postgresql:")


async def prepare_stores(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    state: StateFolder,
    *,
    with_seed: bool = False,
) -> list[str]:
    """Migrate, and seed if wished, without starting the shop; returns what was said.

    Raises `CommandError`.
    """
    if settings.stores == "real" and state.running_pid() is not None:
        raise CommandError("The real stores run with `cartwheel up`, which did this at its start.")
    state.prepare()
    processes = Processes()
    async with open_stores(
        shop, settings, state, events=Nobody(), timeouts=Timeouts(), processes=processes
    ) as stores:
        said = await migrate_stores(shop, stores.urls, processes)
        if with_seed:
            for spec in shop:
                environment = environment_of(spec, settings, state, stores.urls.get(spec.name))
                said += await seed(spec, environment, processes)
        return said


async def migrate_stores(
    shop: Iterable[ServiceSpec], stores: Mapping[str, str], processes: Processes
) -> list[str]:
    """Bring every SQL store to its newest schema; returns what changed. Raises `StartError`."""
    packages = {
        spec.package: stores[spec.name]
        for spec in shop
        if stores.get(spec.name, "").startswith(SQL_STORES)
    }
    if not packages:
        return []
    return await _run(processes, "cartwheel.local.migrate_stores", given=json.dumps(packages))


async def seed(
    spec: ServiceSpec, environment: Mapping[str, str], processes: Processes
) -> list[str]:
    """Run the service's own seed program; returns what it said. Raises `StartError`."""
    if spec.seed is None:
        return []
    return await _run(processes, spec.seed, environment=environment)


async def _run(
    processes: Processes,
    module: str,
    *,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    try:
        async with asyncio.timeout(TIMEOUT):
            code, said = await run_to_end(
                processes,
                (sys.executable, "-m", module),
                environment=environment,
                given=given,
            )
    except TimeoutError:
        raise StartError(f"{module} took longer than {TIMEOUT:g} s and was stopped.") from None
    except OSError as error:
        raise CommandError(f"{module} could not be started ({described(error)}).") from error
    lines = said.splitlines()
    if code:
        raise StartError(lines[-1] if lines else f"{module} failed without a word.")
    return lines
