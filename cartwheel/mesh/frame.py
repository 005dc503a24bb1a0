"""A frame: what there is to see at one moment.

Rates are per second, durations and times in seconds, memory in bytes, CPU in cores, shares from
0 to 1. None: not measured, which is not 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["starting", "ready", "serving", "draining", "crashed"]

OUTSIDE = "outside"
"""The source of the edges on which requests enter the shop."""


@dataclass(frozen=True)
class ReplicaState:
    """One replica. It is ``serving`` when it has lately received requests, else ``ready``.

    ``reason`` is why it is not as it should be, as `CrashLoopBackOff`. One that does not respond
    to a scrape has no figures, and is not ``serving``: its ``reason`` says so.
    """

    name: str
    phase: Phase
    rate: float | None = None
    cpu: float | None = None
    memory: int | None = None
    in_flight: int | None = None
    restarts: int = 0
    reason: str = ""


@dataclass(frozen=True)
class StoreState:
    """The store of a service, as the service sees it. ``kind``: sqlite, valkey, postgres."""

    kind: str
    rate: float | None = None
    errors: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class ServiceState:
    """A service. ``rate`` are requests that arrived, those that were shed too.

    ``errors`` is the share of responses with a status of 500 or more, ``shed`` are refused
    requests per second.
    """

    name: str
    desired: int
    replicas: Sequence[ReplicaState] = ()
    rate: float | None = None
    errors: float | None = None
    shed: float | None = None
    p95: float | None = None
    store: StoreState | None = None


@dataclass(frozen=True)
class Edge:
    """Calls of one service to another, as the caller sees them; ``source`` may be `OUTSIDE`.

    ``errors`` is the share of calls that failed for the caller, ``retries`` are per second,
    ``open_breakers`` how many of the caller's replicas have their circuit breaker open.
    """

    source: str
    target: str
    rate: float
    errors: float = 0.0
    p95: float | None = None
    retries: float = 0.0
    open_breakers: int = 0


@dataclass(frozen=True)
class AutoscalerState:
    """The autoscaler and what it scales. ``title`` is as `kubectl` names it.

    ``value`` and ``target`` are those of the metric that decides, in its ``unit``; ``arrivals``
    are requests per second to the service; ``capacity`` is what the ready replicas serve at the
    target (None for a metric that does not tell). ``sentence`` is the first of the explanation.
    """

    title: str
    service: str
    min: int
    max: int
    desired: int
    ready: int
    serving: int
    metric: str = ""
    unit: str = ""
    value: float | None = None
    target: float | None = None
    arrivals: float | None = None
    capacity: float | None = None
    is_paused: bool = False
    sentence: str = ""


@dataclass(frozen=True)
class LoadState:
    """A load that runs from here. ``asked`` and ``achieved`` are requests per second.

    ``by`` says who runs it: the console, or another command.
    """

    scenario: str
    asked: float
    achieved: float | None = None
    seconds_left: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    failed: int = 0
    missed: int = 0
    by: str = "console"


@dataclass(frozen=True)
class FaultState:
    """A fault that goes on. ``fault`` is its name in the catalogue, or empty.

    ``targets`` are names of replicas, services, stores, or edges as ``storefront->cart``.
    ``seen_after``: seconds until its symptom was seen.
    """

    fault: str
    title: str
    targets: Sequence[str]
    seconds: float
    seconds_left: float | None = None
    seen_after: float | None = None
    by: str = "console"

    @property
    def name(self) -> str:
        """As marks call it: that of the catalogue, else what it is done to."""
        return self.fault or ", ".join(self.targets)


@dataclass(frozen=True)
class Frame:
    """A moment. ``headline`` says in a few words what happens.

    ``problem``: why something is missing or old, and what to do, in one or two sentences. While
    ``is_old``, the services are those of an earlier frame.
    """

    at: float
    services: Sequence[ServiceState] = ()
    edges: Sequence[Edge] = ()
    autoscaler: AutoscalerState | None = None
    load: LoadState | None = None
    faults: Sequence[FaultState] = field(default=())
    headline: str = ""
    problem: str = ""
    is_old: bool = False
