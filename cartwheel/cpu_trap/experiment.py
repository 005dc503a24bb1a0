"""One run of the trap: the local shop with a far store, one autoscaler, one load."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from cartwheel.errors import CommandError
from cartwheel.load.engine import Engine, Load
from cartwheel.local.autoscaling.chosen import choose_autoscaler
from cartwheel.local.child_processes import ChildProcesses
from cartwheel.local.events import NullEventSink
from cartwheel.local.replica_process import State
from cartwheel.local.settings import LocalSettings, load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_processes import StoreProcesses, ValkeyProgram
from cartwheel.local.supervisor import Supervisor
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import SHOP, ServiceSpec
from cartwheel.tcp_proxy import Latency, TcpProxy
from loadtest.arrivals import parse_stages
from loadtest.figures import Figures, whole_seconds

CART = "cart"
DELAY = 0.2  # seconds
STAGES = "20s:4,60s:14,40s:4"
SCENARIO, SHOPPERS = "cart-add", 256
# Of a pod of the cart: manifests/base/cart/deployment.yaml.
CPU_REQUEST = 0.025
START_TIMEOUT = 60.0
# Until the CPU that starting has cost is out of every window.
SETTLING = 8.0


@dataclass(frozen=True)
class Metric:
    """What to scale by: the autoscaler, and how often it is measured, as in a cluster."""

    autoscale: str
    resolution: float


METRICS: Mapping[str, Metric] = {
    # metrics-server measures every 10 s on kind, and seldom more often elsewhere.
    "cpu": Metric("cpu", 10.0),
    "requests": Metric(str(Path(__file__).with_name("scaledobject.yaml")), 2.0),
}


@dataclass
class Sample:
    """One second: rates a second, latency in seconds, CPU in percent of a replica's request.

    A failed request counts as 10 s in ``p50`` and ``p95``.
    """

    at: float
    asked: float = 0.0
    achieved: float = 0.0
    failed: float = 0.0
    p50: float | None = None
    p95: float | None = None
    cpu: float | None = None
    desired: int = 0
    ready: int = 0


@dataclass
class Experiment:
    """What one autoscaler made of the load; times are seconds since the load began."""

    metric: str
    samples: list[Sample] = field(default_factory=list)
    failed: int = 0
    requests: int = 0

    def at_peak(self) -> list[Sample]:
        """The second half of the time at the highest rate: no autoscaler needs longer."""
        peak = max(one.asked for one in self.samples)
        high = [one for one in self.samples if one.asked > 0.9 * peak]
        return high[len(high) // 2 :]


async def run_experiment(metric: str) -> Experiment:
    """Raises `CommandError`."""
    with TemporaryDirectory() as folder:
        async with _shop(Path(folder), METRICS[metric]) as supervisor:
            await asyncio.sleep(SETTLING)
            return await _measure(metric, supervisor)


@asynccontextmanager
async def _shop(folder: Path, metric: Metric) -> AsyncIterator[Supervisor]:
    async with _far_valkey(folder) as url:
        # One request at a time, like a worker of a synchronous server; the others wait in the
        # queue of admission control, which is as long as ever.
        environment = {"CARTWHEEL_STORE_URL": url, "CARTWHEEL_MAX_IN_FLIGHT": "1"}
        shop = [replace(one, environment=environment) if one.name == CART else one for one in SHOP]
        ports = dict.fromkeys((f"port_{one.name}" for one in SHOP), 0)
        settings = load_local_settings(
            state_dir=folder / "shop",
            console=False,
            autoscale=metric.autoscale,
            autoscale_resolution=metric.resolution,
            **ports,
        )
        supervisor = _supervisor(shop, settings)
        ready = asyncio.Event()
        running = asyncio.create_task(supervisor.run(on_ready=ready.set))
        try:
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait(
                [running, waiting], timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            waiting.cancel()
            if not ready.is_set():
                raise CommandError("The shop of the experiment does not start.")
            yield supervisor
        finally:
            supervisor.stop()
            await running


def _supervisor(shop: Sequence[ServiceSpec], settings: LocalSettings) -> Supervisor:
    return Supervisor(
        shop,
        settings=settings,
        state=StateFolder.at(settings.state_dir),
        events=NullEventSink(),
        autoscaler=choose_autoscaler(settings.autoscale, [one.name for one in shop]),
    )


@asynccontextmanager
async def _far_valkey(folder: Path) -> AsyncIterator[str]:
    state = StateFolder.at(folder / "store")
    state.prepare()
    async with StoreProcesses(state, events=NullEventSink(), timeouts=Timeouts()) as stores:
        program = ValkeyProgram(state, ChildProcesses())
        await stores.start("valkey", program)
        async with TcpProxy.to(program.url) as proxy:
            proxy.set_toxics([Latency(latency_ms=1000 * DELAY, stream="upstream")])
            yield proxy.url_through(program.url)


async def _measure(metric: str, supervisor: Supervisor) -> Experiment:
    found = Experiment(metric)
    url = next(
        one["url"] for one in supervisor.status()["services"] if one["service"] == "storefront"
    )
    engine = Engine(Load(url, SCENARIO, parse_stages(STAGES), SHOPPERS))
    meter = CpuMeter()
    seen: list[Figures] = []
    started = time.time()
    async for figures in engine.run():
        if not isinstance(figures, Figures):
            continue
        seen.append(figures)
        cart = next(one for one in supervisor.status()["services"] if one["service"] == CART)
        found.requests += figures.due
        found.failed += figures.failed + figures.missed
        found.samples.append(
            Sample(
                round(figures.at - started, 2),
                round(figures.asked, 2),
                round(figures.achieved, 2),
                round((figures.failed + figures.missed) / figures.seconds, 2),
                figures.p50 and round(figures.p50, 4),
                figures.p95 and round(figures.p95, 4),
                meter.percent(cart["replicas"]),
                cart["desired"],
                cart["ready"],
            )
        )
    del found.samples[len(whole_seconds(seen)) :]
    return found


class CpuMeter:
    """The CPU of replicas between two calls, in percent of their request, on average."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, float]] = {}

    def percent(self, replicas: Sequence[Mapping[str, Any]]) -> float | None:
        """Of those that were ready at the last call, too; None without any."""
        now, after = time.monotonic(), {}
        for one in replicas:
            if one["state"] != State.READY:
                continue
            with suppress(psutil.Error, TypeError):
                times = psutil.Process(one["pid"]).cpu_times()
                after[one["pid"]] = (now, times.user + times.system)
        shares = [
            (used - self._before[pid][1]) / (at - self._before[pid][0])
            for pid, (at, used) in after.items()
            if pid in self._before
        ]
        self._before = after
        return round(100 * sum(shares) / len(shares) / CPU_REQUEST, 1) if shares else None
