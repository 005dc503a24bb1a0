"""What happens once, before and beside the replicas: migrations and goods to sell."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cartwheel.local.environment import environment_of
from cartwheel.local.errors import CommandError, StartError
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state import StateFolder
from cartwheel.local.stores import open_stores
from cartwheel.local.topology import ServiceSpec

PROJECT = Path(__file__).parents[2]
PATIENCE = 120.0  # a migration may rewrite a table
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
    async with open_stores(shop, settings, state) as stores:
        said = await migrate_stores(shop, stores)
        if with_seed:
            for spec in shop:
                environment = environment_of(spec, settings, state, stores.get(spec.name))
                said += await seed(spec, environment)
        return said


async def migrate_stores(shop: Iterable[ServiceSpec], stores: Mapping[str, str]) -> list[str]:
    """Bring every SQL store to its newest schema; returns what changed. Raises `StartError`."""
    packages = {
        spec.package: stores[spec.name]
        for spec in shop
        if stores.get(spec.name, "").startswith(SQL_STORES)
    }
    if not packages:
        return []
    return await _run("cartwheel.local.migrations", given=json.dumps(packages))


async def seed(spec: ServiceSpec, environment: Mapping[str, str]) -> list[str]:
    """Run the service's own seed program; returns what it said. Raises `StartError`."""
    if spec.seed is None:
        return []
    return await _run(spec.seed, environment=environment)


async def _run(
    module: str, *, given: str = "", environment: Mapping[str, str] | None = None
) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        cwd=PROJECT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(given.encode()), PATIENCE)
    except TimeoutError:
        raise StartError(f"{module} took longer than {PATIENCE:g} s and was stopped.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = output.decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise StartError(lines[-1] if lines else f"{module} failed without a word.")
    return lines
