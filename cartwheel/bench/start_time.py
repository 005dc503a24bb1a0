"""The bench of a start: from the start of a process to its first 200."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from statistics import median

from cartwheel.bench.options import OWN, Options
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import SERVICES, Shop, running_shops
from cartwheel.bench.workbench import START_TIMEOUT, Server, Workbench, plain_environment
from cartwheel.errors import CommandError
from cartwheel.local.probe import probe_readiness

NAME = "start"
SIX = ("products", "cart", "cart", "user", "tracking", "storefront")
"""What `cartwheel up` starts."""
POLL_INTERVAL = 0.005
NOWHERE = "http://127.0.0.1:9"
COLUMNS = (
    Column("variant", "variant"),
    Column("alone", "cart alone, s", 2, meaning="seconds until the first 200; less is better"),
    Column("six", "six at once, s", 2),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    alone: dict[str, list[float]] = {}
    six: dict[str, list[float]] = {}
    async with running_shops(workbench, options, progress) as shops:
        environments = {}
        for shop in shops:
            environments[shop.name] = await _environments(shop)
            # Only their stores are needed from now on.
            for service in SERVICES:
                await shop.scale(service, 0)
        for number in range(options.rounds + 1):
            stage = f"round {number} of {options.rounds}" if number else "warm-up"
            for shop in random.sample(shops, len(shops)):
                progress(stage, shop.name, share=number / (options.rounds + 1))
                one = await _seconds_to_start(shop, ["cart"], environments[shop.name])
                all_six = await _seconds_to_start(shop, SIX, environments[shop.name])
                if number:
                    alone.setdefault(shop.name, []).append(one)
                    six.setdefault(shop.name, []).append(all_six)
    rows: list[dict[str, Value]] = [
        {"variant": name, "alone": median(alone[name]), "six": median(six[name])} for name in alone
    ]
    own = next((row for row in rows if row["variant"] == OWN), {})
    gates = [
        Gate("cart alone on one core", _number(own.get("alone")), 0.6, unit="s"),
        Gate("six at once", _number(own.get("six")), 2.5, unit="s"),
    ]
    return [BenchResult(NAME, "Start to the first 200", COLUMNS, rows, gates, chart="alone")]


async def _environments(shop: Shop) -> Mapping[str, Mapping[str, str]]:
    """The environment of each service, with the stores of the shop and without neighbours."""
    urls = {f"CARTWHEEL_{service.upper()}_URL": NOWHERE for service in SERVICES}
    common = {**urls, "CARTWHEEL_SERVICE_TOKENS": secrets.token_urlsafe(16)}
    stores = {"cart": await shop.valkey_url()}
    for service in ("products", "user", "tracking"):
        stores[service] = await shop.postgres_url(service)
    return {
        service: plain_environment(
            **common,
            **({"CARTWHEEL_STORE_URL": stores[service]} if service in stores else {}),
        )
        for service in SERVICES
    }


async def _seconds_to_start(
    shop: Shop, services: Sequence[str], environments: Mapping[str, Mapping[str, str]]
) -> float:
    """Start these at once, one alone on one core; the seconds until all are ready."""
    workbench = shop.workbench
    servers: list[Server] = []
    started = time.perf_counter()
    try:
        for service in services:
            server = await workbench.start_server(
                f"{service} of {shop.name}",
                _command(shop, service),
                environment=environments[service],
                folder=shop.checkout.folder,
            )
            servers.append(server)
            if len(services) > 1:
                workbench.release_cores([server])
        await asyncio.gather(*map(_wait_until_ready, servers))
        return time.perf_counter() - started
    finally:
        await asyncio.gather(*(workbench.stop(server) for server in servers))


def _command(shop: Shop, service: str) -> Callable[[int], Sequence[str]]:
    return lambda descriptor: (
        *(shop.checkout.python, "-m", "app.server", f"services.{service}.main:create"),
        f"--fd={descriptor}",
    )


async def _wait_until_ready(server: Server) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while not server.has_ended:
                if (await probe_readiness(server.port, timeout=START_TIMEOUT)).ready:
                    return
                await asyncio.sleep(POLL_INTERVAL)
    raise CommandError(f"{server.name} does not start: {server.failure()}")


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None
