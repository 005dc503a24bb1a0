"""The traffic of the mesh at one moment, from the results of its queries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cartwheel.mesh.frame import OUTSIDE, Edge, ReplicaState, ServiceState, StoreState
from cartwheel.mesh.quantiles import quantile
from cartwheel.mesh.queries import Name
from cartwheel.promql import SeriesValue

Results = Mapping[Name, Sequence[SeriesValue]]
Key = tuple[str, ...]
Result = TypeVar("Result")

MIN_OUTSIDE_SHARE = 0.1
"""Of what callers in the mesh send to a service. Less is taken for the same requests, as caller and
service are not scraped at the same moment."""


@dataclass(frozen=True)
class ServiceTraffic:
    """Of all replicas of a service together; as in `ServiceState`.

    ``from_outside`` is how much of the rate no caller in the mesh explains.
    """

    rate: float | None = None
    errors: float | None = None
    shed: float | None = None
    p95: float | None = None
    store: StoreState | None = None
    from_outside: float = 0.0

    def added_to(self, service: ServiceState) -> ServiceState:
        """The service with these figures."""
        return replace(
            service,
            rate=self.rate,
            errors=self.errors,
            shed=self.shed,
            p95=self.p95,
            store=self.store,
        )


@dataclass(frozen=True)
class ReplicaTraffic:
    """Of one replica; as in `ReplicaState`."""

    rate: float | None = None
    cpu: float | None = None
    memory: int | None = None
    in_flight: int | None = None
    is_serving: bool = False

    def added_to(self, replica: ReplicaState) -> ReplicaState:
        """The replica with these figures."""
        return replace(
            replica,
            rate=self.rate,
            cpu=self.cpu,
            memory=self.memory,
            in_flight=self.in_flight,
        )


NO_SERVICE_TRAFFIC = ServiceTraffic()
NO_REPLICA_TRAFFIC = ReplicaTraffic()


@dataclass(frozen=True)
class Traffic:
    """``calls`` are the edges between services, ``called`` the services that have callers."""

    services: Mapping[str, ServiceTraffic] = field(default_factory=dict)
    replicas: Mapping[str, ReplicaTraffic] = field(default_factory=dict)
    calls: Sequence[Edge] = ()
    called: frozenset[str] = frozenset()

    def service(self, name: str) -> ServiceTraffic:
        return self.services.get(name, NO_SERVICE_TRAFFIC)

    def replica(self, name: str) -> ReplicaTraffic:
        return self.replicas.get(name, NO_REPLICA_TRAFFIC)

    def edges(self, earlier: Sequence["Traffic"]) -> list[Edge]:
        """The edges with calls; those from outside first.

        The first calls of a new replica are in no rate of its own, as a rate counts from the first
        scrape, but the service that gets them counts them. So where there are callers, requests
        come from outside only if they did so in all the ``earlier`` traffic as well: that of the
        last seconds, a little longer than the window of the rates.
        """
        return [*self._edges_from_outside(earlier), *self.calls]

    def _edges_from_outside(self, earlier: Sequence["Traffic"]) -> Iterator[Edge]:
        for name, service in self.services.items():
            rate = service.from_outside
            if name in self.called:
                rate = min([rate, *(one.service(name).from_outside for one in earlier)])
            if rate > 0:
                yield Edge(OUTSIDE, name, _rounded_rate(rate))


def traffic_of(results: Results, *, window: float) -> Traffic:
    """The traffic in the last ``window`` seconds."""
    found = _Results(results)
    calls = found.by(Name.CALLS, "service", "upstream")
    known_calls = found.by(Name.RETRIES, "service", "upstream").keys() | calls.keys()
    return Traffic(
        _services(found, calls, known_calls, window=window),
        _replicas(found),
        list(_calls(found, calls)),
        frozenset(upstream for _, upstream in known_calls),
    )


class _Results:
    """The results of all queries, by the labels that matter."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def by(self, name: Name, *labels: str) -> dict[Key, float]:
        """The values by these labels; those that differ only in others are added up."""
        values: dict[Key, float] = {}
        for one in self._results.get(name, ()):
            key = tuple(one.labels.get(label, "") for label in labels)
            values[key] = values.get(key, 0.0) + one.value
        return values

    def p95(self, name: Name, *labels: str) -> dict[Key, float | None]:
        buckets: dict[Key, list[tuple[float, float]]] = {}
        for (*key, bound), rate in self.by(name, *labels, "le").items():
            buckets.setdefault(tuple(key), []).append((float(bound), rate))
        return {key: _map(_rounded_time, quantile(0.95, own)) for key, own in buckets.items()}


def _services(
    found: _Results, calls: Mapping[Key, float], known_calls: set[Key], *, window: float
) -> dict[str, ServiceTraffic]:
    received = found.by(Name.RECEIVED, "service")
    responses = found.by(Name.RESPONSES, "service")
    errors = found.by(Name.ERRORS, "service")
    shed = found.by(Name.SHED, "service")
    p95 = found.p95(Name.RESPONSE_BUCKETS, "service")
    stores = _stores(found, received)
    outside = _outside(found, calls, known_calls, received=received, window=window)
    return {
        name: ServiceTraffic(
            rate=_rounded_rate(rate),
            errors=_share(errors.get((name,), 0.0), responses.get((name,), 0.0)),
            shed=_map(_rounded_rate, shed.get((name,))),
            p95=p95.get((name,)),
            store=stores.get(name),
            from_outside=outside[name],
        )
        for (name,), rate in received.items()
    }


def _outside(
    found: _Results,
    calls: Mapping[Key, float],
    known_calls: set[Key],
    *,
    received: Mapping[Key, float],
    window: float,
) -> dict[str, float]:
    """Arrivals minus what the callers say they sent.

    A caller counts a call when it ends, the service when it arrives: as many calls as callers have
    requests in flight may be under way.
    """
    in_flight = found.by(Name.IN_FLIGHT, "service")
    outside = {}
    for (name,), rate in received.items():
        callers = [caller for caller, upstream in known_calls if upstream == name]
        sent = sum(calls.get((caller, name), 0.0) for caller in callers)
        under_way = sum(in_flight.get((caller,), 0.0) for caller in callers) / window
        rest = rate - sent - under_way
        outside[name] = rest if rest > MIN_OUTSIDE_SHARE * sent else 0.0
    return outside


def _stores(found: _Results, received: Mapping[Key, float]) -> dict[str, StoreState]:
    """Also of a store that only probes have asked yet, which is in no rate."""
    operations = found.by(Name.OPERATIONS, "service", "store")
    failed = found.by(Name.FAILED_OPERATIONS, "service", "store")
    p95 = found.p95(Name.OPERATION_BUCKETS, "service", "store")
    stores = {}
    for key in found.by(Name.STORES, "service", "store"):
        service, kind = key
        rate = operations.get(key, 0.0 if (service,) in received else None)
        stores[service] = StoreState(
            kind,
            rate=_map(_rounded_rate, rate),
            errors=_share(failed.get(key, 0.0), rate or 0.0),
            p95=p95.get(key),
        )
    return stores


def _replicas(found: _Results) -> dict[str, ReplicaTraffic]:
    received = found.by(Name.RECEIVED, "instance")
    cpu = found.by(Name.CPU, "instance")
    memory = found.by(Name.MEMORY, "instance")
    in_flight = found.by(Name.IN_FLIGHT, "instance")
    serving = found.by(Name.SERVING, "instance")
    return {
        key[0]: ReplicaTraffic(
            rate=_map(_rounded_rate, received.get(key)),
            cpu=_map(_rounded_cpu, cpu.get(key)),
            memory=_map(int, memory.get(key)),
            in_flight=_map(int, in_flight.get(key)),
            is_serving=serving.get(key, 0.0) > 0,
        )
        for key in {**received, **memory, **in_flight, **serving}
    }


def _calls(found: _Results, calls: Mapping[Key, float]) -> Iterator[Edge]:
    """Those with calls. With an open breaker there are none, while the caller has requests."""
    failed = found.by(Name.FAILED_CALLS, "service", "upstream")
    p95 = found.p95(Name.CALL_BUCKETS, "service", "upstream")
    retries = found.by(Name.RETRIES, "service", "upstream")
    breakers = found.by(Name.OPEN_BREAKERS, "service", "upstream")
    received = found.by(Name.RECEIVED, "service")
    for key in sorted({**calls, **breakers}):
        source, target = key
        rate = calls.get(key, 0.0)
        is_suspended = breakers.get(key, 0.0) > 0 and received.get((source,), 0.0) > 0
        if rate > 0 or is_suspended:
            yield Edge(
                source,
                target,
                rate=_rounded_rate(rate),
                errors=_share(failed.get(key, 0.0), rate) or 0.0,
                p95=p95.get(key),
                retries=_rounded_rate(retries.get(key, 0.0)),
                open_breakers=int(breakers.get(key, 0.0)),
            )


def _rounded_rate(rate: float) -> float:
    return round(rate, 2)


def _rounded_time(seconds: float) -> float:
    """To 10 µs."""
    return round(seconds, 5)


def _rounded_cpu(cores: float) -> float:
    return round(cores, 3)


def _share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return round(min(part / whole, 1.0), 4) if whole > 0 else None


def _map(change: Callable[[float], Result], value: float | None) -> Result | None:
    return None if value is None else change(value)
