"""The bench of an overload: how much of the load is served in time, and what is shed."""

import asyncio
import dataclasses
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from statistics import median

from cartwheel.bench.load_generator import Load, LoadResult
from cartwheel.bench.load_steps import read_metric, replica_ports
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import Shop, running_shops
from cartwheel.bench.usage import cpu_seconds
from cartwheel.bench.workbench import Server, Workbench
from cartwheel.promql import parse_query

NAME = "overload"
ADAPTIVE, FIXED = "adaptive", "fixed 256"
VARIANTS: Mapping[str, Mapping[str, str]] = {
    ADAPTIVE: {},
    FIXED: {"CARTWHEEL_MIN_IN_FLIGHT": "256", "CARTWHEEL_MAX_IN_FLIGHT": "256"},
}
FACTORS = (0.5, 1.0, 2.0, 3.0)
"""Loads, in capacities."""
SHOPPERS = 16
CAPACITY_CONNECTIONS = 16
MAX_CONNECTIONS = 1024
STEPS = 4
"""A load lasts so many times the seconds that were asked for: its start is no steady state."""
PAUSE = 2.0
"""Seconds between two loads, for what the one before has left behind."""
MILLISECONDS = 1000
SHED = parse_query('sum(http_request_duration_seconds_count{status="503"})')
SHED_AT_ONCE = parse_query('sum(http_request_duration_seconds_bucket{status="503",le="0.005"})')


@dataclass(frozen=True)
class Kind:
    """Requests of one priority, their share of the load and their deadline in seconds."""

    name: str
    paths: Sequence[str]
    share: float
    deadline: float


KINDS = (
    Kind("browse", ("/", "/products/{sku}", "/search?q=wheel"), 0.7, 2.5),
    Kind("cart", ("/cart",), 0.2, 2.5),
    Kind("checkout", ("/checkout",), 0.1, 5.0),
)
COLUMNS = (
    Column("variant", "limit"),
    Column("load", "load ÷ capacity", 1),
    Column("sent", "sent/s"),
    Column("busy", "core used, %"),
    Column("goodput", "goodput/s", meaning="responses in time per second; more is better"),
    Column("of_best", "÷ best", 2),
    Column("p50", "p50, ms"),
    Column("p99", "p99, ms"),
    Column("at_once", "shed within 5 ms, %", 1),
    Column("shed_p50", "shed p50, ms"),
    Column("shed_p99", "p99, ms"),
    *(Column(kind.name, f"{kind.name} in time, %") for kind in KINDS),
)


@dataclass(frozen=True)
class Measured:
    """One load on one shop, by the kind of request.

    ``cpu`` are the seconds that all services used, ``at_once`` is the share of the shed requests
    that the storefront refused within 5 ms.
    """

    variant: str
    factor: float
    seconds: float
    cpu: float
    results: Mapping[str, LoadResult]
    at_once: float | None

    @property
    def until_last(self) -> float:
        """Seconds until the last response: what has been let in is still to be served."""
        return max(self.seconds, *(one.seconds for one in self.results.values()))

    @property
    def goodput(self) -> float:
        return sum(one.in_time for one in self.results.values()) / self.until_last

    @property
    def busy(self) -> float:
        """The share of the core that all services used."""
        return self.cpu / self.until_last

    def slowest(self, member: str) -> float:
        """The largest of a quantile of all kinds, in milliseconds."""
        return float(MILLISECONDS * max(getattr(one, member) for one in self.results.values()))

    def in_time(self, kind: str) -> float:
        """Per cent of the requests."""
        return 100 * self.results[kind].in_time / max(self.results[kind].requests, 1)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    measured: list[Measured] = []
    capacities = []
    async with AsyncExitStack() as stack:
        storefronts = await _start_all(workbench, options, progress, stack)
        for number in range(1, options.rounds + 1):
            # Measured again: the load follows what else the machine does.
            capacity = await next(iter(storefronts.values())).capacity()
            capacities.append(f"{capacity:.0f}")
            for factor in FACTORS:
                for variant in random.sample([*storefronts], len(storefronts)):
                    progress(f"round {number} of {options.rounds}", f"{variant}, {factor:g} ×")
                    one = await storefronts[variant].measure(variant, factor, capacity)
                    measured.append(one)
    measured.sort(key=lambda one: ([*storefronts].index(one.variant), one.factor))
    return [
        BenchResult(
            NAME,
            "Overload of the storefront: pages of all priorities, all services on one core",
            COLUMNS,
            rows(measured),
            gates(measured),
            notes=[
                f"Capacity in requests/s, with {CAPACITY_CONNECTIONS} at a time, in each round: "
                f"{', '.join(capacities)}. The table has their medians. p50 and p99 are "
                "those of the slowest priority, of what was not shed; goodput are responses "
                "within 2.5 s, of the checkout within 5 s. What is shed within 5 ms is measured "
                "in the storefront, the other times by the clients, who wait for the core, too. "
                "Where less than 90 % of the core is used in an overload, other programs had it."
            ],
            samples=[dataclasses.asdict(one) for one in measured],
            chart="goodput",
        )
    ]


async def _start_all(
    workbench: Workbench, options: Options, progress: Progress, stack: AsyncExitStack
) -> Mapping[str, "_Storefront"]:
    """A shop for each variant; all but one of them are idle at any time."""
    others = [] if options.against is None else [BEFORE]
    storefronts = {}
    for variant in options.choose([*VARIANTS, *others]):
        checkout = replace(options, variants=(variant if variant in others else OWN,))
        settings = {"CARTWHEEL_STORES": "sqlite", **VARIANTS.get(variant, {})}
        shops = running_shops(workbench, checkout, progress, **settings)
        (shop,) = await stack.enter_async_context(shops)
        storefronts[variant] = await _Storefront.of(shop, seconds=STEPS * options.seconds)
    return storefronts


@dataclass(frozen=True)
class _Storefront:
    """The storefront of a running shop, and what is sent to it: by kind, for so long."""

    shop: Shop
    server: Server
    requests: Mapping[str, Sequence[str]]
    seconds: float

    @classmethod
    async def of(cls, shop: Shop, *, seconds: float) -> "_Storefront":
        requests = await _requests(shop)
        return cls(shop, await shop.server("storefront", whole_shop=True), requests, seconds)

    async def capacity(self) -> float:
        """Requests a second of all kinds, in their shares, when few are sent at a time."""
        mixed = [
            self.requests[kind.name][number % len(self.requests[kind.name])]
            for number in range(SHOPPERS * 3)
            for kind in KINDS
            for _ in range(round(10 * kind.share))
        ]
        load = Load(self.server.port, mixed, CAPACITY_CONNECTIONS, seconds=self.seconds)
        await self.shop.workbench.load(load)  # fills the caches
        result = await self.shop.workbench.load(load)
        return (result.requests - result.errors) / result.seconds

    async def measure(self, variant: str, factor: float, capacity: float) -> Measured:
        """Send so many times the capacity, and wait for what that leaves behind."""
        before, cpu = await self._shed(), cpu_seconds(self.server.pids)
        results = await self._send(capacity * factor)
        cpu = cpu_seconds(self.server.pids) - cpu
        await asyncio.sleep(PAUSE)
        shed, at_once = (
            after - earlier for after, earlier in zip(await self._shed(), before, strict=True)
        )
        share = at_once / shed if shed else None
        return Measured(variant, factor, self.seconds, cpu, results, share)

    async def _send(self, rate: float) -> Mapping[str, LoadResult]:
        loads = [
            Load(
                self.server.port,
                self.requests[kind.name],
                round(MAX_CONNECTIONS * kind.share),
                seconds=self.seconds,
                rate=rate * kind.share,
                deadline=kind.deadline,
            )
            for kind in KINDS
        ]
        results = await asyncio.gather(*map(self.shop.workbench.load, loads))
        return {kind.name: result for kind, result in zip(KINDS, results, strict=True)}

    async def _shed(self) -> tuple[float, float]:
        """How many requests have been refused so far, and how many of them within 5 ms."""
        (port,) = replica_ports(self.shop, "storefront").values()
        return await read_metric(port, SHED), await read_metric(port, SHED_AT_ONCE)


async def _requests(shop: Shop) -> Mapping[str, Sequence[str]]:
    """The requests of each kind, as many from each shopper."""
    client = await shop.client()
    skus = (await asyncio.to_thread(client.skus))[:SHOPPERS]
    shoppers = [
        (sku, await asyncio.to_thread(client.shopper_cookies, sku, with_account=True))
        for sku in skus
    ]
    return {
        kind.name: [
            request("GET", path.format(sku=sku), cookie=cookie)
            for sku, cookie in shoppers
            for path in kind.paths
        ]
        for kind in KINDS
    }


def rows(measured: Sequence[Measured]) -> list[dict[str, Value]]:
    """One for each variant and load: medians of the rounds."""
    found: dict[tuple[str, float], list[Measured]] = {}
    for one in measured:
        found.setdefault((one.variant, one.factor), []).append(one)
    goodput = {key: median(one.goodput for one in same) for key, same in found.items()}
    return [
        {
            "variant": variant,
            "load": factor,
            "sent": median(_sent(one) for one in same),
            "busy": median(100 * one.busy for one in same),
            "goodput": goodput[variant, factor],
            "of_best": goodput[variant, factor]
            / max(value for (name, _), value in goodput.items() if name == variant),
            **{
                name: median(one.slowest(member) for one in same)
                for name, member in (
                    ("p50", "ok_p50"),
                    ("p99", "ok_p99"),
                    ("shed_p50", "shed_p50"),
                    ("shed_p99", "shed_p99"),
                )
            },
            "at_once": _median_per_cent([one.at_once for one in same]),
            **{kind.name: median(one.in_time(kind.name) for one in same) for kind in KINDS},
        }
        for (variant, factor), same in found.items()
    ]


def gates(measured: Sequence[Measured]) -> Sequence[Gate]:
    """What the adaptive limit promises at the highest load."""
    row = next(
        (
            row
            for row in rows(measured)
            if (row["variant"], row["load"]) == (ADAPTIVE, max(FACTORS))
        ),
        {},
    )

    def value(name: str) -> float | None:
        found = row.get(name)
        return float(found) if isinstance(found, int | float) else None

    return [
        Gate("goodput at 3 × capacity ÷ best", value("of_best"), 0.9, is_upper=False),
        Gate("p99 at 3 × capacity", value("p99"), 2500.0, unit="ms", decimals=0),
        Gate("shed within 5 ms", value("at_once"), 99.0, unit="%", is_upper=False, decimals=1),
        Gate("checkout in time", value("checkout"), 95.0, unit="%", is_upper=False, decimals=0),
    ]


def _sent(one: Measured) -> float:
    return sum(result.requests for result in one.results.values()) / one.seconds


def _median_per_cent(shares: Sequence[float | None]) -> float | None:
    """None if nothing was shed in any of the rounds."""
    known = [100 * share for share in shares if share is not None]
    return median(known) if known else None
