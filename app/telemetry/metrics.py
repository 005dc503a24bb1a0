"""The metrics of a service, each with the question it answers.

One `Metrics` belongs to one app and has its own registry, so several apps can run in one process
(in tests). Metrics are created once, when the app is built; hot paths keep the labelled children.

Counters exist at zero from the start, with all label values they may get: a sum over an absent
series has no value, which looks like an outage.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar, get_args, overload

from prometheus_client import CollectorRegistry, ProcessCollector

from app.telemetry.cells import Counter, Family, Gauge, Histogram, counters, gauges, histograms
from app.telemetry.exposition import Exposition

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds; from a cached response to the default deadline."""
STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
OTHER = "other"
F = TypeVar("F", bound=Family[Any])
ShedReason = Literal["queue_full", "queue_timeout", "displaced"]
PRIORITIES = ("low", "normal", "high")
"""Of admission control, in the order in which requests are shed."""
NO_LABELS: Mapping[str, Iterable[str]] = {}
KNOWN_LATER: tuple[str, ...] = ()
"""For a label whose values depend on what the service is built from."""
MAX_RESPONSE_SERIES = 100
"""How many (route, method, status) get their own histogram; the rest share one.

With 15 series each, a replica stays below 2,000 series whatever strangers send.
"""


def method_label(method: str) -> str:
    """The value of a `method` label: callers may send any word as a method."""
    return method if method in METHODS else OTHER


class Metrics:
    """A service's metrics and their exposition with the constant label `service`."""

    def __init__(self, service: str, *, version: str = "0.1.0+dev") -> None:
        self.service = service
        self.registry = CollectorRegistry(auto_describe=False)
        self._exposition = Exposition(service)
        self._exposition.add_collector(ProcessCollector(registry=self.registry))
        self.gauge("build_info", "Which build is this?", ("version",)).labels(version).set(1)
        self.requests_received = self.counter(
            "http_requests_received_total",
            "How many requests arrive, including shed ones? The scaling signal.",
            {"route": KNOWN_LATER, "method": KNOWN_LATER},
        )
        self.request_duration = self.histogram(
            "http_request_duration_seconds",
            "How fast are the responses, and which status do they have?",
            ("route", "method", "status"),
        )
        self._in_flight = 0
        self.gauge(
            "http_requests_in_flight", "How many requests have no response yet?"
        ).set_function(lambda: self._in_flight)
        self.requests_shed = self.counter(
            "http_requests_shed_total",
            "How many requests are shed by admission control, of which priority, and why?",
            {"priority": PRIORITIES, "reason": get_args(ShedReason)},
        )
        self.concurrency_limit = self.gauge(
            "http_concurrency_limit",
            "How many requests may be worked on at a time? The limit follows the latency.",
        )
        self.slots_in_use = self.gauge(
            "http_slots_in_use", "How many requests hold a slot of that limit?"
        )
        self.requests_queued = self.gauge(
            "http_requests_queued", "How many requests wait for a slot?"
        )
        self.event_loop_lag = self.histogram(
            "event_loop_lag_seconds", "Is the event loop blocked?", buckets=LAG_BUCKETS
        )
        self.client = ClientMetrics(self)
        self._store_duration = self.histogram(
            "store_operation_duration_seconds",
            "How fast are the operations of the store, and how do they end?",
            ("store", "operation", "outcome"),
            buckets=STORE_BUCKETS,
        )
        self._store_children: dict[tuple[str, str, str], Histogram] = {}
        self._request_children: dict[tuple[str, str], Counter] = {}
        self._response_children: dict[tuple[str, str, int], Histogram] = {}

    @overload
    def counter(self, name: str, documentation: str) -> Counter: ...

    @overload
    def counter(
        self, name: str, documentation: str, labels: Mapping[str, Iterable[str]]
    ) -> Family[Counter]: ...

    def counter(
        self, name: str, documentation: str, labels: Mapping[str, Iterable[str]] = NO_LABELS
    ) -> Counter | Family[Counter]:
        """A counter at zero for each combination of its label values; its name ends in `_total`.

        For a label that is `KNOWN_LATER`, the caller calls `labels` once it knows the values.
        """
        family = self._register(counters(name, documentation, tuple(labels)))
        for values in itertools.product(*labels.values()):
            family.labels(*values)
        return family if labels else family.labels()

    @overload
    def gauge(self, name: str, documentation: str) -> Gauge: ...

    @overload
    def gauge(self, name: str, documentation: str, labels: Sequence[str]) -> Family[Gauge]: ...

    def gauge(
        self, name: str, documentation: str, labels: Sequence[str] = ()
    ) -> Gauge | Family[Gauge]:
        """A value that goes up and down."""
        family = self._register(gauges(name, documentation, labels))
        return family if labels else family.labels()

    @overload
    def histogram(
        self, name: str, documentation: str, *, buckets: Sequence[float] = LATENCY_BUCKETS
    ) -> Histogram: ...

    @overload
    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Family[Histogram]: ...

    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Histogram | Family[Histogram]:
        """A distribution; for durations in seconds unless `buckets` say otherwise."""
        family = self._register(histograms(name, documentation, labels, buckets=buckets))
        return family if labels else family.labels()

    def _register(self, family: F) -> F:
        self.registry.register(family)
        self._exposition.add_family(family)
        return family

    def expect_requests(self, operations: Iterable[tuple[str, str]]) -> None:
        """Start the request counts at zero for each (route, method) of the app."""
        for operation in operations:
            self._requests(operation)

    def request_started(self, route: str, method: str) -> None:
        """Count a request before anything is decided about it. `route` is a template."""
        self._requests((route, method)).inc()
        self._in_flight += 1

    def _requests(self, operation: tuple[str, str]) -> Counter:
        child = self._request_children.get(operation)
        if child is None:
            child = self._request_children[operation] = self.requests_received.labels(*operation)
        return child

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record the response to a request that was started, and how long it took."""
        self._in_flight -= 1
        key = (route, method, status)
        child = self._response_children.get(key)
        if child is None:
            child = self._response_child(key)
        child.observe(seconds)

    def _response_child(self, key: tuple[str, str, int]) -> Histogram:
        if len(self._response_children) >= MAX_RESPONSE_SERIES:
            return self.request_duration.labels(OTHER, OTHER, OTHER)
        child = self._response_children[key] = self.request_duration.labels(*map(str, key))
        return child

    def store_operation(self, store: str, operation: str) -> "StoreTimer":
        """Measure a call to a store; `operation` is one of few names, never a key or a query.

        An error may name its own outcome (`store_outcome`): a full store is not an unavailable one.
        """
        return StoreTimer(self, store, operation)

    def store_finished(self, store: str, operation: str, outcome: str, seconds: float) -> None:
        """Record a call to a store, as `store_operation` does."""
        key = (store, operation, outcome)
        child = self._store_children.get(key)
        if child is None:
            child = self._store_children[key] = self._store_duration.labels(*key)
        child.observe(seconds)

    def render(self) -> bytes:
        """The exposition in the Prometheus text format."""
        return "".join(self._exposition.pieces()).encode()

    async def render_in_turns(self) -> bytes:
        """As `render`, but other tasks, like probes, run between its pieces."""
        pieces = []
        for piece in self._exposition.pieces():
            pieces.append(piece)
            await asyncio.sleep(0)
        return "".join(pieces).encode()


class StoreTimer:
    """Measures the block that it surrounds; see `Metrics.store_operation`."""

    # A class: a generator costs each call 1 µs more.
    __slots__ = ("_metrics", "_operation", "_started", "_store")

    def __init__(self, metrics: Metrics, store: str, operation: str) -> None:
        self._metrics = metrics
        self._store = store
        self._operation = operation

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._started
        outcome = "ok" if error is None else getattr(error, "store_outcome", "error")
        self._metrics.store_finished(self._store, self._operation, outcome, seconds)


class ClientMetrics:
    """The metrics of calls to upstreams; without series in a service that calls none."""

    def __init__(self, metrics: Metrics) -> None:
        self.duration = metrics.histogram(
            "http_client_request_duration_seconds",
            "How fast are the calls to upstreams, and how do they end? One observation per try.",
            ("upstream", "outcome"),
        )
        self.retries = metrics.counter(
            "http_client_retries_total",
            "How many calls to upstreams are retried?",
            {"upstream": KNOWN_LATER},
        )
        self.retries_over_budget = metrics.counter(
            "http_client_retries_over_budget_total",
            "How many calls to upstreams are not retried because the retry budget is used up?",
            {"upstream": KNOWN_LATER},
        )
        self.ejections = metrics.counter(
            "http_client_ejections_total",
            "How many replicas of upstreams are ejected as outliers, and why?",
            {"upstream": KNOWN_LATER, "reason": KNOWN_LATER},
        )
        self.breaker_open = metrics.gauge(
            "http_client_breaker_open",
            "Is the circuit breaker of an upstream open (1)?",
            ("upstream",),
        )
