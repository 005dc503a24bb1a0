"""The numbers a service publishes, each with the question it answers.

One `Metrics` belongs to one app and has its own registry, so several apps can live in one
process (tests) without sharing counts. Instruments are made once, when the app is built, and
their labelled children are kept by those who use them on hot paths.

Counters are there at zero from the start, each with the label values it may get: who sums over
a series that is absent gets no number, and takes that for an outage.
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds; from a cached answer to the longest deadline we give ourselves."""
STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
OTHER = "other"
ShedReason = Literal["queue_full", "queue_timeout", "displaced"]
NO_LABELS: Mapping[str, Iterable[str]] = {}
KNOWN_LATER: tuple[str, ...] = ()
"""The values of a label that depend on what the service is put together from."""
MAX_ANSWER_SERIES = 100
"""How many (route, method, status) get a histogram of their own; the rest share one.

With 15 series each this keeps a replica below 2,000 whatever strangers send.
"""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def method_label(method: str) -> str:
    """The value of a `method` label: callers may send any word as a method."""
    return method if method in METHODS else OTHER


class _Observer(Protocol):
    def observe(self, amount: float) -> None: ...


class Metrics:
    """A service's instruments and their exposition with the constant label `service`."""

    def __init__(self, service: str, *, version: str = "0.1.0+dev") -> None:
        self.service = service
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self.gauge("build_info", "Which build is this?", ("version",)).labels(version).set(1)
        self.requests_received = self.counter(
            "http_requests_received_total",
            "How much is asked of us, shed requests included? The scaling signal.",
            {"route": KNOWN_LATER, "method": KNOWN_LATER},
        )
        self.request_duration = self.histogram(
            "http_request_duration_seconds",
            "What did we answer, and how fast?",
            ("route", "method", "status"),
        )
        # A plain number that is read at the scrape: a gauge's own lock costs each request twice.
        self._in_flight = 0
        self.gauge(
            "http_requests_in_flight", "How many requests are being worked on?"
        ).set_function(lambda: self._in_flight)
        self.requests_shed = self.counter(
            "http_requests_shed_total",
            "What did we refuse to stay healthy?",
            {"reason": get_args(ShedReason)},
        )
        self.event_loop_lag = self.histogram(
            "event_loop_lag_seconds", "Is the event loop blocked?", buckets=LAG_BUCKETS
        )
        self.client_duration = self.histogram(
            "http_client_request_duration_seconds",
            "How do our neighbours treat us? One observation a try.",
            ("upstream", "outcome"),
        )
        self.client_retries = self.counter(
            "http_client_retries_total", "Are we making it worse?", {"upstream": KNOWN_LATER}
        )
        self.client_ejections = self.counter(
            "http_client_ejections_total",
            "Which neighbours have replicas that are left out for a while, and why?",
            {"upstream": KNOWN_LATER, "reason": KNOWN_LATER},
        )
        self.client_breaker_open = self.gauge(
            "http_client_breaker_open", "Is a neighbour left alone (1)?", ("upstream",)
        )
        self._store_duration = self.histogram(
            "store_operation_duration_seconds",
            "Is the store the problem?",
            ("store", "operation", "outcome"),
            buckets=STORE_BUCKETS,
        )
        self._store_children: dict[tuple[str, str, str], _Observer] = {}
        self._arrival_children: dict[tuple[str, str], Counter] = {}
        self._answer_children: dict[tuple[str, str, int], _Observer] = {}

    def counter(
        self, name: str, documentation: str, labels: Mapping[str, Iterable[str]] = NO_LABELS
    ) -> Counter:
        """A counter at zero for each combination of what its labels may be; ends in `_total`.

        A label that is `KNOWN_LATER` leaves it to its owner to call `labels` once it knows.
        """
        counter = Counter(name, documentation, tuple(labels), registry=self.registry)
        if labels:
            for values in itertools.product(*labels.values()):
                counter.labels(*values)
        return counter

    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Gauge:
        """A value that goes up and down."""
        return Gauge(name, documentation, labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Histogram:
        """A distribution; for durations in seconds unless `buckets` say otherwise."""
        return Histogram(name, documentation, labels, registry=self.registry, buckets=buckets)

    def expect_requests(self, operations: Iterable[tuple[str, str]]) -> None:
        """Have an arrival count at zero for each (route, method) that is answered."""
        for operation in operations:
            self._arrivals(operation)

    def request_started(self, route: str, method: str) -> None:
        """Count a request before anything is decided about it. `route` is a template."""
        self._arrivals((route, method)).inc()
        self._in_flight += 1

    def _arrivals(self, operation: tuple[str, str]) -> Counter:
        child = self._arrival_children.get(operation)
        if child is None:
            child = self._arrival_children[operation] = self.requests_received.labels(*operation)
        return child

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record the response to a request that was started, and how long it took."""
        self._in_flight -= 1
        key = (route, method, status)
        child = self._answer_children.get(key)
        if child is None:
            child = self._answer_child(key)
        child.observe(seconds)

    def _answer_child(self, key: tuple[str, str, int]) -> _Observer:
        if len(self._answer_children) >= MAX_ANSWER_SERIES:
            return self.request_duration.labels(OTHER, OTHER, OTHER)
        child = self._answer_children[key] = self.request_duration.labels(*map(str, key))
        return child

    @contextmanager
    def store_operation(self, store: str, operation: str) -> Iterator[None]:
        """Time a call to a store; `operation` is one of few names, never a key or a query.

        An error may name its outcome itself (`store_outcome`): being full is not being down.
        """
        started = time.perf_counter()
        outcome = "error"
        try:
            yield
            outcome = "ok"
        except Exception as error:
            outcome = getattr(error, "store_outcome", outcome)
            raise
        finally:
            key = (store, operation, outcome)
            child = self._store_children.get(key)
            if child is None:
                child = self._store_children[key] = self._store_duration.labels(*key)
            child.observe(time.perf_counter() - started)

    def render(self) -> bytes:
        """The exposition in the Prometheus text format."""
        return generate_latest(_WithService(self.registry, self.service))


class _WithService(CollectorRegistry):
    """A view of a registry whose samples carry the constant label `service`.

    `*_created` samples are left out: they double the series of counters and answer nothing.
    """

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        super().__init__()
        self._source = registry
        self._service = service

    def collect(self) -> Iterator[Metric]:
        for metric in self._source.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "service": self._service})
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ]
            yield metric
