"""Own cells are told apart from prometheus_client's metrics by no scraper."""

import math
import random
from collections.abc import Iterator

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import DuplicateTimeseries

from app.telemetry.metrics import Metrics

AWKWARD = ["", "/v1/items/{item_id}", 'a "quoted" word', "back\\slash", "two\nlines", "100 %s", "é"]
BUCKETS = (0.0, 0.001, 0.25, 1.0, 5.0, 1_000_000.0)
SERVICE = "a shop's"


class _WithoutCreated(CollectorRegistry):
    """The stock client's registry, without the `_created` samples that we never show."""

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


class Both:
    """The same metrics from our cells and from the stock client."""

    def __init__(self) -> None:
        self.ours = Metrics(SERVICE)
        self._before = self.ours.render().count(b"\n")
        self.stock = _WithoutCreated()

    def our_text(self) -> list[bytes]:
        """Without the metrics that every service has."""
        return self.ours.render().splitlines(keepends=True)[self._before :]

    def stock_text(self) -> list[bytes]:
        return generate_latest(self.stock).splitlines(keepends=True)


def test_counters_have_the_stock_clients_text() -> None:
    both = Both()
    ours = both.ours.counter("things_total", "How many\\things?\nMany.", {"kind": AWKWARD})
    stock = prometheus_client.Counter(
        "things_total", "How many\\things?\nMany.", ["kind", "service"], registry=both.stock
    )
    for kind in AWKWARD:
        stock.labels(kind, SERVICE)
    for amount in (0, 1, 2.5, 999_996, 0.5, 3, 10**9, 10**16):
        ours.labels("100 %s").inc(amount)
        stock.labels("100 %s", SERVICE).inc(amount)
        assert both.our_text() == both.stock_text()


@pytest.mark.parametrize(
    "value", [0, 1, -1, True, 999_999, 1_000_000, 123_456_789.25, 1e-9, -2e20, math.inf, -math.inf]
)
def test_gauges_have_the_stock_clients_text(value: float) -> None:
    both = Both()
    ours = both.ours.gauge("level", "How high?", ["level"])
    stock = prometheus_client.Gauge("level", "How high?", ["level", "service"], registry=both.stock)
    ours.labels("set").set(value)
    stock.labels("set", SERVICE).set(value)
    ours.labels("read").set_function(lambda: value)
    stock.labels("read", SERVICE).set_function(lambda: value)
    ours.labels("moved").inc(3)
    ours.labels("moved").dec()
    stock.labels("moved", SERVICE).set(2)
    assert both.our_text() == both.stock_text()


def test_a_gauge_that_is_not_a_number_has_the_stock_clients_text() -> None:
    metrics = Metrics(SERVICE)
    metrics.gauge("level", "How high?").set(math.nan)
    assert metrics.render().endswith(b'\nlevel{service="a shop\'s"} NaN\n')


def test_histograms_have_the_stock_clients_text() -> None:
    both = Both()
    ours = both.ours.histogram("spans", "How long?", ("zone", "kind"), buckets=BUCKETS)
    stock = prometheus_client.Histogram(
        "spans", "How long?", ("zone", "kind", "service"), registry=both.stock, buckets=BUCKETS
    )
    chooser = random.Random(7)
    observations = [*BUCKETS, 2e6, math.inf, *(chooser.expovariate(1) for _ in range(500))]
    for amount in observations:
        labels = chooser.choice(AWKWARD), chooser.choice(AWKWARD)
        ours.labels(*labels).observe(amount)
        stock.labels(*labels, SERVICE).observe(amount)
    assert both.our_text() == both.stock_text()


def test_ten_thousand_series_have_the_stock_clients_text() -> None:
    both = Both()
    ours = both.ours.histogram("spans", "How long?", ("kind",), buckets=BUCKETS)
    stock = prometheus_client.Histogram(
        "spans", "How long?", ("kind", "service"), registry=both.stock, buckets=BUCKETS
    )
    for number in range(10_000 // (len(BUCKETS) + 3)):
        ours.labels(number).observe(number / 100)
        stock.labels(number, SERVICE).observe(number / 100)
    assert both.our_text() == both.stock_text()


def test_the_registry_has_the_stock_clients_samples() -> None:
    both = Both()
    ours = both.ours.histogram("spans", "How long?", ("kind",), buckets=BUCKETS)
    stock = prometheus_client.Histogram(
        "spans", "How long?", ("kind",), registry=both.stock, buckets=BUCKETS
    )
    for family in (ours, stock):
        family.labels(kind="a").observe(0.3)
    assert list(both.ours.registry.collect())[-1] == next(iter(both.stock.collect()))


@pytest.mark.parametrize("values", [(), ("a",), ("a", "b", "c")])
def test_each_label_needs_a_value(values: tuple[str, ...]) -> None:
    family = Metrics("test").gauge("level", "How high?", ["zone", "kind"])
    with pytest.raises(ValueError, match="level has the labels"):
        family.labels(*values)


def test_labels_have_a_place_or_a_name() -> None:
    family = Metrics("test").gauge("level", "How high?", ["zone", "kind"])
    assert family.labels(kind="k", zone=1) is family.labels("1", "k")
    with pytest.raises(ValueError, match="level has the labels"):
        family.labels(zone=1, kind="k", more="x")
    with pytest.raises(ValueError, match="level has the labels"):
        family.labels(zone=1)


def test_no_two_metrics_have_one_name() -> None:
    metrics = Metrics("test")
    metrics.counter("things_total", "How many?")
    with pytest.raises(DuplicateTimeseries):
        metrics.gauge("things", "How many?")


def test_a_counters_name_ends_in_total() -> None:
    with pytest.raises(ValueError, match="ends in _total"):
        Metrics("test").counter("things", "How many?")


def test_buckets_are_in_ascending_order() -> None:
    with pytest.raises(ValueError, match="not in ascending order"):
        Metrics("test").histogram("spans", "How long?", buckets=(1.0, 0.5))
