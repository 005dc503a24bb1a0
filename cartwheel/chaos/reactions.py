"""What the shop does about a fault, counted by its own metrics and by its status."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.chaos.metrics import ReplicaMetrics
from cartwheel.chaos.shop import Status
from cartwheel.promql import Query, parse_query


@dataclass(frozen=True)
class Reaction:
    """A counter of all replicas, and what it counts."""

    query: Query
    words: str

    @classmethod
    def of(cls, counter: str, words: str) -> "Reaction":
        return cls(parse_query(f"sum by (instance) ({counter})"), words)


REACTIONS = {
    "retries": Reaction.of("http_client_retries_total", "calls repeated"),
    "over_budget": Reaction.of(
        "http_client_retries_over_budget_total", "calls not repeated for want of budget"
    ),
    "ejections": Reaction.of("http_client_ejections_total", "replicas ejected"),
    "shed": Reaction.of("http_requests_shed_total", "requests shed"),
    "parts_missing": Reaction.of("storefront_page_parts_missing_total", "parts of pages left out"),
    "orders_resumed": Reaction.of("orders_resumed_total", "orders taken up again"),
}
BREAKERS = parse_query("http_client_breaker_open")
QUERIES: Sequence[Query] = [BREAKERS, *(reaction.query for reaction in REACTIONS.values())]


@dataclass
class Reactions:
    """``counts`` are by the name of the reaction; ``breakers`` are caller and upstream."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REACTIONS, 0))
    breakers: set[str] = field(default_factory=set)
    restarted: set[str] = field(default_factory=set)
    _counters: dict[tuple[str, str], float] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)

    def observe(self, metrics: ReplicaMetrics, status: Status) -> None:
        """Add what has happened since the last call; the first one only looks."""
        is_first = not self._restarts
        for name, reaction in REACTIONS.items():
            for series in metrics.evaluate(reaction.query):
                key = name, series.labels["instance"]
                before = self._counters.get(key, series.value if is_first else 0.0)
                # A replica that was started again counts from zero.
                since = series.value - before if series.value >= before else series.value
                self.counts[name] += round(since)
                self._counters[key] = series.value
        for series in metrics.evaluate(BREAKERS):
            if series.value:
                self.breakers.add(f"{series.labels['service']}->{series.labels['upstream']}")
        for name, restarts in _restarts_of(status):
            if restarts > self._restarts.get(name, restarts if is_first else 0):
                self.restarted.add(name)
            self._restarts[name] = restarts

    def forget(self) -> None:
        """Begin with another fault."""
        self.counts = dict.fromkeys(REACTIONS, 0)
        self.breakers, self.restarted = set(), set()

    @property
    def sentences(self) -> Iterator[str]:
        """What happened, in a few words each."""
        for name, reaction in REACTIONS.items():
            if number := self.counts[name]:
                yield f"{reaction.words} {number}"
        if self.breakers:
            yield f"circuit breaker opened {', '.join(sorted(self.breakers))}"
        if self.restarted:
            yield f"restarted {', '.join(sorted(self.restarted))}"

    @property
    def as_json(self) -> Mapping[str, object]:
        return {
            **self.counts,
            "breakers_opened": sorted(self.breakers),
            "restarted": sorted(self.restarted),
        }


def _restarts_of(status: Status) -> Iterator[tuple[str, int]]:
    for service in status["services"]:
        for replica in service["replicas"]:
            yield replica["replica"], replica["restarts"]
    for server in status["servers"]:
        yield server["replica"], server["restarts"]
