"""Random series and queries, as values that both sides of a comparison can load."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartwheel.promql import SampleStore

STALE = "stale"
MISSING = "_"
SECONDS = 500
RANGES = ("2s", "3s", "4s", "5s", "15s", "1m", "2m")
QUERY_OF_THE_MANIFESTS = (
    'sum(rate(requests_total{service="cart"}[4s]) or requests_total{service="cart"} * 0)'
)


@dataclass(frozen=True)
class RandomSeries:
    """A value for each second: a number, `MISSING` or `STALE`."""

    name: str
    labels: Mapping[str, str]
    values: Sequence[int | str]

    @property
    def written(self) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}}"


@dataclass(frozen=True)
class Case:
    """A query, and the second at which it is evaluated."""

    query: str
    at: float


def random_series(chance: random.Random, *, any_counter: bool) -> Sequence[RandomSeries]:
    """Counters and gauges of some replicas.

    Before version 3, Prometheus extrapolates young counters with gaps differently: without
    ``any_counter`` there are none.
    """
    series = []
    for number in range(10):
        labels = {
            "service": chance.choice(["cart", "products"]),
            "instance": f"replica-{number}",
            "zone": chance.choice(["a", "b"]),
        }
        kinds = [_old_counter, _young_counter] + [_any_counter] * any_counter
        series.append(RandomSeries("requests_total", labels, chance.choice(kinds)(chance)))
        series.append(RandomSeries("limit", labels, _gauge(chance)))
    return series


def random_cases(chance: random.Random, count: int, *, on_samples: bool) -> Sequence[Case]:
    """Queries at random times; without ``on_samples``, at none at which there may be a sample."""
    cases = [Case(QUERY_OF_THE_MANIFESTS, second + 0.5) for second in range(0, SECONDS, 10)]
    while len(cases) < count:
        at = chance.randrange(SECONDS + 320) + (
            0.0 if on_samples and chance.random() < 0.5 else 0.5
        )
        cases.append(Case(_vector(chance, depth=3), at))
    return cases


def store_of(series: Sequence[RandomSeries]) -> SampleStore:
    store = SampleStore({one.name for one in series}, longest_range=SECONDS)
    for one in series:
        labels = {"__name__": one.name, **one.labels}
        for at, value in enumerate(one.values):
            if value != MISSING:
                store.add_sample(labels, at, None if value == STALE else float(value))
    return store


def _old_counter(chance: random.Random) -> Sequence[int | str]:
    """A high counter without restarts, with gaps."""
    start, end = sorted(chance.sample(range(SECONDS), 2))
    values: list[int | str] = [MISSING] * start
    count = 10**9
    while len(values) < end:
        count += chance.randrange(50)
        values.append(chance.choice([count, count, count, MISSING]))
        if chance.random() < 0.03:
            values.extend([MISSING] * chance.randrange(1, 20))
    return _ended(chance, values)


def _young_counter(chance: random.Random) -> Sequence[int | str]:
    """A counter from 0 with restarts, without gaps."""
    start, end = sorted(chance.sample(range(SECONDS), 2))
    count = 0
    values: list[int | str] = [MISSING] * start
    while len(values) < end:
        values.append(count)
        count = 0 if chance.random() < 0.02 else count + chance.randrange(50)
    return _ended(chance, values)


def _any_counter(chance: random.Random) -> Sequence[int | str]:
    """A counter with gaps, restarts, and times at which it is stale."""
    values: list[int | str] = []
    count = chance.randrange(100)
    while len(values) < SECONDS:
        count = chance.randrange(20) if chance.random() < 0.05 else count + chance.randrange(50)
        values.append(chance.choice([count] * 6 + [MISSING, STALE]))
    return values


def _gauge(chance: random.Random) -> Sequence[int | str]:
    values: list[int | str] = []
    while len(values) < SECONDS:
        values.append(chance.choice([chance.randrange(-5, 20), 0, MISSING, MISSING]))
    return _ended(chance, values[: chance.randrange(1, SECONDS)])


def _ended(chance: random.Random, values: Sequence[int | str]) -> Sequence[int | str]:
    return [*values, STALE] if chance.random() < 0.5 else values


def _vector(chance: random.Random, *, depth: int) -> str:
    if depth == 0:
        return chance.choice([_selector, _range_call])(chance)
    simpler = _vector(chance, depth=chance.randrange(depth))
    kind = chance.randrange(6)
    if kind == 0:
        return _aggregation(chance, simpler)
    if kind == 1:
        operator, number = chance.choice("+-*/^"), chance.choice(["2", "0", "0.5", "(3 - 1)"])
        return chance.choice(
            [f"({simpler} {operator} {number})", f"({number} {operator} {simpler})"]
        )
    if kind == 2:
        other = _vector(chance, depth=chance.randrange(depth))
        return f"({simpler} or {_matching(chance)} {other})"
    if kind == 3:
        other = _vector(chance, depth=chance.randrange(depth))
        return f"({simpler} {chance.choice('+-*/')} {_matching(chance)} {other})"
    if kind == 4:
        return f"({simpler} or vector({chance.randrange(3)}))"
    # Of whole numbers: elsewhere an error of rounding may change the remainder by all of it.
    return chance.choice([f"-{simpler}", f"({_selector(chance)} % 7)", simpler])


def _matching(chance: random.Random) -> str:
    return chance.choice(["", "", "", "on(instance)", "ignoring(zone)", "on(zone)"])


def _aggregation(chance: random.Random, operand: str) -> str:
    name = chance.choice(["sum", "avg", "min", "max", "count"])
    grouping = chance.choice(["", "by (zone)", "by (service, missing)", "without (instance)"])
    return f"{name} {grouping} ({operand})"


def _range_call(chance: random.Random) -> str:
    function = chance.choice(["rate", "irate", "increase"])
    return f"{function}({_selector(chance, of='requests_total')}[{chance.choice(RANGES)}])"


def _selector(chance: random.Random, *, of: str = "") -> str:
    matchers = [
        'service="cart"',
        'zone!="a"',
        'instance=~"replica-[1-4]|replica-8"',
        'instance!~".*[02468]"',
        'missing=""',
        'zone=~"."',
        'service=~"car"',
    ]
    chosen = chance.sample(matchers, chance.choice([0, 0, 1, 2]))
    name = of or chance.choice(["requests_total", "limit"])
    return f"{name}{{{','.join(chosen)}}}" if chosen else name
