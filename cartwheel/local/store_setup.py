"""Migrate and seed the stores, each in a process that runs once."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from cartwheel.errors import CommandError, UsageError, describe_error
from cartwheel.local.child_processes import ChildProcesses, run_to_completion
from cartwheel.local.events import NullEventSink
from cartwheel.local.service_environment import service_environment
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.stores import open_stores
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import ServiceSpec

TIMEOUT = 120.0  # seconds; a migration may rewrite a table
SQL_STORES = ("sqlite:", "postgresql:")


async def set_up_stores(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    state: StateFolder,
    *,
    with_seed: bool = False,
) -> list[str]:
    """Migrate, and seed if asked to, without starting the shop; returns what was printed.

    Raises `CommandError`.
    """
    if settings.stores == "real" and state.running_pid() is not None:
        raise CommandError("The real stores run with `cartwheel up`, which did this at its start.")
    state.prepare()
    processes = ChildProcesses()
    async with open_stores(
        shop, settings, state, events=NullEventSink(), timeouts=Timeouts(), processes=processes
    ) as stores:
        output = await migrate_stores(shop, stores.urls, processes)
        if with_seed:
            for spec in shop:
                environment = service_environment(spec, settings, state, stores.urls.get(spec.name))
                output += await seed(spec, environment, processes)
        return output


async def migrate_stores(
    shop: Iterable[ServiceSpec], stores: Mapping[str, str], processes: ChildProcesses
) -> list[str]:
    """Migrate every SQL store; returns what changed. Raises `UsageError`."""
    packages = {
        spec.package: stores[spec.name]
        for spec in shop
        if stores.get(spec.name, "").startswith(SQL_STORES)
    }
    if not packages:
        return []
    return await _run_module(
        processes, "cartwheel.local.migrate_stores", stdin=json.dumps(packages)
    )


async def seed(
    spec: ServiceSpec, environment: Mapping[str, str], processes: ChildProcesses
) -> list[str]:
    """Run the seed module of a service; returns what it printed. Raises `UsageError`."""
    if spec.seed is None:
        return []
    return await _run_module(processes, spec.seed, environment=environment)


async def _run_module(
    processes: ChildProcesses,
    module: str,
    *,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    try:
        async with asyncio.timeout(TIMEOUT):
            code, output = await run_to_completion(
                processes,
                (sys.executable, "-m", module),
                environment=environment,
                stdin=stdin,
            )
    except TimeoutError:
        raise UsageError(f"{module} took longer than {TIMEOUT:g} s and was stopped.") from None
    except OSError as error:
        raise CommandError(f"{module} could not be started ({describe_error(error)}).") from error
    lines = output.splitlines()
    if code:
        raise UsageError(lines[-1] if lines else f"{module} failed and printed nothing.")
    return lines
