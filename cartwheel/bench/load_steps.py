"""A step of the load on a shop whose cart is scaled, and what its replicas did."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from cartwheel.bench.shop import Shop
from cartwheel.bench.workbench import Server, plain_environment
from cartwheel.errors import CommandError
from cartwheel.local.probe import send_bytes
from cartwheel.local.sockets import OWN_HOST
from cartwheel.promql import Query, SampleStore, parse_query
from cartwheel.recording import ReplicasChanged, Synced, read_recording

CART = "cart"
FEW, MANY = 2, 7
# Quiet enough for two replicas: requests that come one by one cost the cart a millisecond of CPU.
QUIET, HIGH = 4.0, 150.0
"""Requests a second that two replicas manage, and that need all seven."""
# Quiet for longer than the period of the policy: earlier growth counts against its limit.
QUIET_SECONDS, HIGH_SECONDS, AFTER_SECONDS = 18.0, 24.0, 120.0
SETTLE_TIMEOUT = 180.0
POLL_INTERVAL = 0.05
SHARE_AFTER, SHARE_SECONDS = 3.0, 10.0
"""When the share of requests of each replica is measured, after all serve, and for how long."""
TOTAL = parse_query("sum(http_requests_received_total)")
START_TIMEOUT = 20.0
# What a person may change about the autoscaler to see what it does to the figures.
PASSED_ON = ("CARTWHEEL_AUTOSCALE_RESOLUTION", "CARTWHEEL_AUTOSCALE_SYNC_PERIOD")
SCRAPE = f"GET /metrics HTTP/1.1\r\nHost: {OWN_HOST}\r\nConnection: close\r\n\r\n".encode()
SCRAPE_TIMEOUT = 1.0
MAX_METRICS_SIZE = 4 * 1024 * 1024


@dataclass(frozen=True)
class StepResult:
    """Seconds, each from the event before it in the name; None for what did not happen.

    The decision is the first one for more replicas, the full decision the one for all of them.
    ``largest_deviation`` is that of a replica's share of requests from the mean, as a share of it.
    """

    step_to_decision: float | None
    decision_to_first_serving: float | None
    step_to_full_decision: float | None
    full_decision_to_all_serving: float | None
    step_to_all_serving: float | None
    largest_deviation: float | None
    end_to_few: float | None
    requests: int
    failed: int


def settings_of(mode: str) -> Mapping[str, str]:
    """The environment of a shop whose cart is scaled by CPU or by requests."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"CARTWHEEL_AUTOSCALE": mode, "CARTWHEEL_STORES": "sqlite", **passed_on}


async def measure_step(shop: Shop) -> StepResult:
    """Step from `QUIET` to `HIGH` and back. Raises `CommandError`."""
    if not await _has_count(shop, FEW, timeout=SETTLE_TIMEOUT):
        raise CommandError(f"{shop.name}: the cart does not return to {FEW} replicas.")
    stages = [(QUIET_SECONDS, QUIET), (HIGH_SECONDS, HIGH), (AFTER_SECONDS, QUIET)]
    async with open_loop(shop, stages) as load:
        stepped_at = load.started_at + QUIET_SECONDS
        await _sleep_until(stepped_at)
        serving = ServingReplicas(shop)
        await serving.watch(until=stepped_at + HIGH_SECONDS - SHARE_AFTER - SHARE_SECONDS)
        deviation = await serving.largest_deviation()
        await _sleep_until(stepped_at + HIGH_SECONDS)
        is_back = await _has_count(shop, FEW, timeout=AFTER_SECONDS - 5.0)
        back_at = time.time()
    decided_at = _decided_at(shop, after=stepped_at, count=FEW + 1)
    decided_all_at = _decided_at(shop, after=stepped_at, count=MANY)
    first, last = serving.times
    return StepResult(
        step_to_decision=_between(stepped_at, decided_at),
        decision_to_first_serving=_between(decided_at, first),
        step_to_full_decision=_between(stepped_at, decided_all_at),
        full_decision_to_all_serving=_between(decided_all_at, last),
        step_to_all_serving=_between(stepped_at, last),
        largest_deviation=deviation,
        end_to_few=back_at - stepped_at - HIGH_SECONDS if is_back else None,
        requests=load.sent,
        failed=load.failed,
    )


async def count_changes(shop: Shop, *, rate: float, seconds: float) -> tuple[int, int]:
    """How often the desired count changes under a steady rate, and how many requests fail."""
    async with open_loop(shop, [(seconds, rate)]) as load:
        await _sleep_until(load.started_at + seconds)
    desired = [
        entry.desired
        for entry in read_recording(shop.state.recording)
        # The first decisions follow the step to this rate.
        if isinstance(entry, ReplicasChanged) and entry.at >= load.started_at + HIGH_SECONDS
    ]
    return sum(one != other for one, other in pairwise(desired)), load.failed


class OpenLoad:
    """A load that sends at fixed times; the counts are known when it has ended."""

    def __init__(self, process: Server, started_at: float) -> None:
        self.started_at = started_at
        self.sent = 0
        self.failed = 0
        self._process = process

    def read_total(self) -> None:
        total = json.loads(self._process.failure())
        if total.get("type") != "Total":
            raise CommandError(f"The load failed: {self._process.failure()}")
        self.sent = total["sent"]
        self.failed = sum(total["failures"].values()) + total["missed"]


@asynccontextmanager
async def open_loop(shop: Shop, stages: Sequence[tuple[float, float]]) -> AsyncIterator[OpenLoad]:
    """Add products to carts through the storefront during the block; stages: seconds, rate."""
    url = (await shop.client()).urls["storefront"]
    process = await shop.workbench.start(
        "the load",
        *(sys.executable, "-m", "loadtest", "--figures", "--target", url),
        *("--stages", ",".join(f"{seconds:g}s:{rate:g}" for seconds, rate in stages)),
        environment=plain_environment(),
    )
    shop.workbench.release_cores([process])
    load = OpenLoad(process, await _start_of(process))
    try:
        yield load
    finally:
        with suppress(ProcessLookupError):
            process.process.send_signal(signal.SIGINT)
        await shop.workbench.wait_for_end(process)
    load.read_total()


class ServingReplicas:
    """Which replicas of the cart have received requests since they are there, and when."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._known = set(replica_ports(shop, CART))
        self._serving: dict[str, float] = {}

    @property
    def times(self) -> tuple[float | None, float | None]:
        """When the first and when the last of the new replicas received a request."""
        found = sorted(self._serving.values())
        return (
            found[0] if found else None,
            found[-1] if len(found) == MANY - len(self._known) else None,
        )

    async def watch(self, *, until: float) -> None:
        """Watch the new replicas until all serve."""
        while time.time() < until and len(self._serving) < MANY - len(self._known):
            ports = replica_ports(self._shop, CART)
            new = [name for name in ports if name not in self._known | self._serving.keys()]
            counts = await asyncio.gather(*(_received(ports[name]) for name in new))
            now = time.time()
            self._serving |= {name: now for name, count in zip(new, counts, strict=True) if count}
            await asyncio.sleep(POLL_INTERVAL)

    async def largest_deviation(self) -> float | None:
        """Of a replica's share of requests from the mean, a moment later."""
        await asyncio.sleep(SHARE_AFTER)
        before = await _all_received(self._shop)
        await asyncio.sleep(SHARE_SECONDS)
        after = await _all_received(self._shop)
        received = [after[name] - before[name] for name in before if name in after]
        mean = sum(received) / len(received) if received else 0.0
        return max(abs(one - mean) for one in received) / mean if mean else None


async def _all_received(shop: Shop) -> Mapping[str, float]:
    ports = replica_ports(shop, CART)
    counts = await asyncio.gather(*map(_received, ports.values()))
    return dict(zip(ports, counts, strict=True))


async def _received(port: int) -> float:
    """How many requests a replica has received."""
    return await read_metric(port, TOTAL)


async def read_metric(port: int, query: Query) -> float:
    """The sum of what a query of the current values finds in one replica."""
    response = await send_bytes(port, SCRAPE, timeout=SCRAPE_TIMEOUT, max_size=MAX_METRICS_SIZE)
    store = SampleStore(query.metric_names, longest_range=0)
    store.add_scrape({}, 0.0, response.partition(b"\r\n\r\n")[2])
    return sum(one.value for one in query.evaluate(store, 0.0))


def replica_ports(shop: Shop, service: str) -> Mapping[str, int]:
    """Those of the ready replicas by name."""
    groups = json.loads(shop.state.endpoints_file(service).read_text())
    return {
        group["labels"]["instance"]: int(target.rpartition(":")[2])
        for group in groups
        for target in group["targets"]
    }


async def _has_count(shop: Shop, count: int, *, timeout: float) -> bool:
    """Wait until so many replicas are ready."""
    deadline = time.monotonic() + timeout
    while len(replica_ports(shop, CART)) != count:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL)
    return True


async def _start_of(process: Server) -> float:
    """When the load began, from its first figures."""
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while not process.has_ended:
                if process.output:
                    figures = json.loads(process.output[0])
                    return float(figures["at"] - figures["seconds"])
                await asyncio.sleep(POLL_INTERVAL)
    raise CommandError(f"The load does not start: {process.failure()}")


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))


def _decided_at(shop: Shop, *, after: float, count: int) -> float | None:
    """When the autoscaler first asked for so many replicas, or more."""
    return next(
        (
            entry.at
            for entry in read_recording(shop.state.recording)
            if isinstance(entry, Synced) and entry.at >= after and entry.decision.desired >= count
        ),
        None,
    )


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
