"""A made-up session that looks as one of the shop: load, scale-out, a crash, a fault, scale-in.

The autoscaler is the cart's own and really decides; the rest follows simple rules. The same
arguments give the same session. A cycle takes three minutes; a longer session repeats it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.observation import Observation, Pod, Scale, Values
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.explain.explanation import Sync, explain_sync
from cartwheel.mesh import (
    AutoscalerState,
    Edge,
    FaultState,
    Frame,
    LoadState,
    Mark,
    ReplicaState,
    ServiceState,
    StoreState,
)
from cartwheel.mesh.frame import OUTSIDE, Phase
from cartwheel.recording import Entry, Framed, Marked, ReplicasChanged, SessionStarted, Synced
from tests.explain.sessions import MANIFEST, UNITS, scaled_object

BEGIN = 1_790_000_000.0
CYCLE = 180
LOAD = range(20, 120)
FAULT = range(70, 90)
CRASH_AT, CRASH_SECONDS = 100, 3
STARTING, READY, DRAINING = 3, 1, 2
"""Seconds that a replica takes to get ready, is ready and not yet asked, and drains."""

OPTIONS = ControllerOptions(
    sync_period=1.0, cpu_initialization_period=30.0, initial_readiness_delay=10.0
)
FAULT_TITLE = "products answers slowly"
# Of each request to the storefront, how many go along an edge.
CALLS = {
    (OUTSIDE, "storefront"): 1.0,
    ("storefront", "products"): 0.6,
    ("storefront", "cart"): 1.0,
    ("storefront", "user"): 0.05,
    ("storefront", "tracking"): 0.1,
    ("cart", "products"): 0.2,
    ("tracking", "products"): 0.06,
    ("tracking", "cart"): 0.03,
}
STORES = {"products": "sqlite", "cart": "valkey", "user": "sqlite", "tracking": "sqlite"}


@dataclass(frozen=True)
class SyntheticSession:
    """Made when it is first read: a module may name its session without a cost for each import."""

    seconds: int
    begin: float

    @property
    def entries(self) -> list[Entry]:
        """All, in the order of time."""
        return _shop(self.begin).entries(self.seconds)

    @property
    def frames(self) -> list[Frame]:
        return [one.frame for one in self.entries if isinstance(one, Framed)]

    @property
    def marks(self) -> list[Mark]:
        return [one.mark for one in self.entries if isinstance(one, Marked)]

    @property
    def autoscaler_entries(self) -> list[Entry]:
        """Those that the local run records in `autoscaling.jsonl`."""
        return [one for one in self.entries if not isinstance(one, Framed | Marked)]


def session(seconds: int = CYCLE, *, begin: float = BEGIN) -> SyntheticSession:
    """One sync and one frame a second, from ``begin`` on."""
    return SyntheticSession(seconds, begin)


def repeated(frames: Sequence[Frame], seconds: int, *, begin: float = BEGIN) -> list[Frame]:
    """Frames for so many seconds, quickly made: these again and again at later times."""
    return [replace(frames[n % len(frames)], at=begin + n) for n in range(seconds)]


@dataclass
class _Replica:
    name: str
    born: int
    stopped: int | None = None
    crashed: int | None = None

    def phase(self, now: int) -> Phase:
        if self.crashed is not None and now < self.crashed + CRASH_SECONDS:
            return "crashed"
        if self.stopped is not None:
            return "draining"
        began = self.born if self.crashed is None else self.crashed + CRASH_SECONDS
        if now < began + STARTING:
            return "starting"
        return "ready" if now < began + STARTING + READY else "serving"

    def is_gone(self, now: int) -> bool:
        return self.stopped is not None and now >= self.stopped + DRAINING


class _Shop:
    def __init__(self, begin: float) -> None:
        self._begin = begin
        self._made = 0
        self._autoscaler = scaled_object()
        self._engine = KedaAutoscaler(self._autoscaler, OPTIONS)
        self._names = 0
        self._cart = [self._new_replica(born=-60) for _ in range(2)]
        start = SessionStarted(begin, self._autoscaler, OPTIONS, UNITS, MANIFEST.read_text())
        self._entries: list[Entry] = [start]
        self._counts: tuple[int, ...] = ()

    def entries(self, seconds: int) -> list[Entry]:
        """Those of so many seconds. A longer session begins as a shorter one does."""
        for now in range(self._made, seconds):
            self._step(now)
        self._made = max(self._made, seconds)
        return [one for one in self._entries if one.at < self._begin + seconds]

    def _step(self, now: int) -> None:
        self._cart = [one for one in self._cart if not one.is_gone(now)]
        self._mark_changes(now)
        rate = _rate(now)
        at = self._begin + now
        pods = [
            Pod(
                one.name,
                ready=one.phase(now) in ("ready", "serving"),
                started_at=at,
                ready_since=at,
            )
            for one in self._active
        ]
        count = len(self._active)
        seen = Observation(at, Scale(count, count), pods, [Values([round(rate * 1000)])])
        decision = self._engine.sync(seen)
        self._entries.append(Synced(at, self._autoscaler.name, seen, decision))
        sync = Sync(self._autoscaler, OPTIONS, seen, decision, self._engine.state, UNITS)
        sentences = explain_sync(sync, source="").sentences
        if decision.desired != count:
            self._scale(decision.desired, now)
            title = f"{count} → {decision.desired}"
            self._mark(now, Mark(at, "decision", title, sentences[0].text))
        self._record_counts(now)
        self._entries.append(Framed(at, self._frame(now, rate, sentences[0].text)))

    @property
    def _active(self) -> list[_Replica]:
        return [one for one in self._cart if one.stopped is None]

    def _new_replica(self, *, born: int) -> _Replica:
        self._names += 1
        return _Replica(f"cart-{self._names}", born)

    def _scale(self, count: int, now: int) -> None:
        active = self._active
        self._cart += [self._new_replica(born=now) for _ in range(count - len(active))]
        for one in active[count:]:
            one.stopped = now

    def _mark(self, now: int, mark: Mark) -> None:
        self._entries.append(Marked(self._begin + now, mark))

    def _mark_changes(self, now: int) -> None:
        at, moment = self._begin + now, now % CYCLE
        if moment == LOAD.start:
            self._mark(now, Mark(at, "load", "load 130/s", "The load browse begins: 130/s."))
        if moment == LOAD.stop:
            self._mark(now, Mark(at, "load", "load ends", "The load browse has ended."))
        if moment == FAULT.start:
            self._mark(now, Mark(at, "fault", "slow-products", f"{FAULT_TITLE} for 20 s."))
        if moment == FAULT.stop:
            self._mark(now, Mark(at, "fault", "slow-products ends", "products is as before."))
        if moment == CRASH_AT:
            self._active[0].crashed = now
            self._mark(now, Mark(at, "fault", "cart killed", "A replica of cart was killed."))

    def _record_counts(self, now: int) -> None:
        phases = [one.phase(now) for one in self._active]
        serving = phases.count("serving")
        ready = serving + phases.count("ready")
        counts = (len(phases), len(phases) - phases.count("crashed"), ready, serving)
        if counts != self._counts:
            self._counts = counts
            self._entries.append(ReplicasChanged(self._begin + now, "cart", *counts))

    def _frame(self, now: int, rate: float, sentence: str) -> Frame:
        moment = now % CYCLE
        is_slow = moment in FAULT
        phases = [one.phase(now) for one in self._active]
        serving = phases.count("serving")
        ready = serving + phases.count("ready")
        autoscaler = AutoscalerState(
            title="scaledobject/cart",
            service="cart",
            min=2,
            max=7,
            desired=len(phases),
            ready=ready,
            serving=serving,
            metric="s0-prometheus",
            unit="requests/s",
            value=round(rate / max(1, len(phases)), 2),
            target=20.0,
            arrivals=rate,
            capacity=20.0 * ready,
            sentence=sentence,
        )
        return Frame(
            self._begin + now,
            services=[self._cart_service(now, rate), *_other_services(rate, is_slow=is_slow)],
            edges=_edges(rate, is_slow=is_slow),
            autoscaler=autoscaler,
            load=_load(moment),
            faults=_faults(moment),
            headline=_headline(len(phases), serving),
        )

    def _cart_service(self, now: int, rate: float) -> ServiceState:
        serving = sum(one.phase(now) == "serving" for one in self._cart) or 1
        replicas = [_replica_state(one, now, rate / serving) for one in self._cart]
        store = StoreState("valkey", rate=rate, errors=0.0, p95=0.002)
        overload = max(0.0, rate - 33.0 * serving)
        return ServiceState(
            "cart",
            desired=len(self._active),
            replicas=replicas,
            rate=rate,
            errors=round(overload / rate, 3) if rate else 0.0,
            shed=round(overload, 1),
            p95=0.35 if overload else 0.011,
            store=store,
        )


@cache
def _shop(begin: float) -> _Shop:
    return _Shop(begin)


def _replica_state(one: _Replica, now: int, rate: float) -> ReplicaState:
    phase = one.phase(now)
    share = round(rate, 1) if phase == "serving" else 0.0
    return ReplicaState(
        one.name,
        phase,
        rate=share,
        cpu=None if phase == "crashed" else round(0.004 + share * 0.0008, 4),
        memory=None if phase == "crashed" else 62_000_000,
        in_flight=round(share / 15),
        restarts=int(one.crashed is not None),
        reason="killed by SIGKILL" if phase == "crashed" else "",
    )


def _rate(now: int) -> float:
    """A little restless, as a real load is."""
    moment = now % CYCLE
    base = 130.0 if moment in LOAD else 12.0
    return base + (now * 7 % 5 - 2) * base / 100


def _other_services(rate: float, *, is_slow: bool) -> list[ServiceState]:
    found = []
    for name in ("storefront", "products", "user", "tracking"):
        own = round(sum(share for (_, to), share in CALLS.items() if to == name) * rate, 2)
        slow = is_slow and name == "products"
        state = ReplicaState(
            f"{name}-1", "serving", rate=own, cpu=0.01 + own * 0.001, memory=58_000_000, in_flight=1
        )
        store = None
        if name in STORES:
            store = StoreState(STORES[name], rate=own, errors=0.0, p95=0.001)
        found.append(
            ServiceState(
                name,
                desired=1,
                replicas=[state],
                rate=own,
                errors=0.0,
                shed=0.0,
                p95=0.45 if slow else 0.018,
                store=store,
            )
        )
    return found


def _edges(rate: float, *, is_slow: bool) -> list[Edge]:
    found = []
    for (source, target), share in CALLS.items():
        slow = is_slow and target == "products"
        found.append(
            Edge(
                source,
                target,
                rate=round(rate * share, 2),
                errors=0.08 if slow else 0.0,
                p95=0.45 if slow else 0.012,
                retries=round(rate * share * 0.05, 2) if slow else 0.0,
                open_breakers=int(slow and source == "cart"),
            )
        )
    return found


def _load(moment: int) -> LoadState | None:
    if moment not in LOAD:
        return None
    left = float(LOAD.stop - moment)
    return LoadState(
        "browse", 130.0, achieved=129.6, seconds_left=left, p50=0.009, p95=0.024, p99=0.061
    )


def _faults(moment: int) -> list[FaultState]:
    if moment not in FAULT:
        return []
    left, seconds = float(FAULT.stop - moment), float(len(FAULT))
    seen = 2.0 if moment >= FAULT.start + 2 else None
    targets = ["storefront->products", "cart->products"]
    return [FaultState("slow-products", FAULT_TITLE, targets, seconds, left, seen)]


def _headline(desired: int, serving: int) -> str:
    if serving < desired:
        return f"Scaling out: {serving} of {desired} replicas serve"
    return f"Steady: {serving} replicas serve"
