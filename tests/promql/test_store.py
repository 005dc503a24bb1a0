"""Scrapes, and what becomes of the series of targets."""

from collections.abc import Mapping

import pytest

from app.telemetry.metrics import Metrics
from cartwheel.promql import QueryError, SampleStore, parse_query

TARGET = {"instance": "cart-1"}


def stored(name: str = "requests_total", longest_range: float = 60.0) -> SampleStore:
    return SampleStore({name}, longest_range=longest_range)


def values(store: SampleStore, query: str, at: float) -> Mapping[str, float]:
    """By the label `x`, or the instance."""
    result = parse_query(query).evaluate(store, at)
    return {one.labels.get("x", one.labels.get("instance", "")): one.value for one in result}


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ("a 1", {}, 1.0),
        ("a{} 1", {}, 1.0),
        ("a\t2.5e3", {}, 2500.0),
        ('a{x="1"} 3 1700000000000', {"x": "1"}, 3.0),
        ('a{x="1",y="2",} +Inf', {"x": "1", "y": "2"}, float("inf")),
        ('a { x = "1" , y="" } -4', {"x": "1"}, -4.0),
        (r'a{x="b\"c} d\\e\nf"} 5', {"x": 'b"c} d\\e\nf'}, 5.0),
        ('a{x="1"} 5 # {trace_id="b"} 0.6 1700000000', {"x": "1"}, 5.0),
        ('a 5 # {trace_id="b"} 0.6', {}, 5.0),
        ('a{x="b # {c}"} 5', {"x": "b # {c}"}, 5.0),
        (r'a{x="\" # }"} 5 # {trace_id="} # {"} 1', {"x": '" # }'}, 5.0),
    ],
)
def test_a_sample_is_read_as_the_format_says(
    line: str, labels: dict[str, str], value: float
) -> None:
    store = stored("a")
    store.add_scrape({}, 1.0, f"# HELP a b\n# TYPE a gauge\nab 7\nba 8\n{line}\na_total 9".encode())
    (result,) = parse_query("a").evaluate(store, 1.0)
    assert (result.labels, result.value) == ({"__name__": "a", **labels}, value)


@pytest.mark.parametrize("line", ["a x", "a{x=1} 1", 'a{x="1"}', 'a{x="1" 1'])
def test_a_line_that_cannot_be_read_is_an_error(line: str) -> None:
    with pytest.raises(QueryError, match="cannot be read"):
        stored("a").add_scrape(TARGET, 1.0, line.encode())


def test_labels_that_are_no_text_are_an_error() -> None:
    with pytest.raises(QueryError, match="no UTF-8 text"):
        stored("a").add_scrape(TARGET, 1.0, b'a{x="\xff"} 1')


def test_the_exposition_of_a_service_is_read() -> None:
    metrics = Metrics("cart")
    metrics.requests_received.labels("/cart", "GET").inc()
    store = stored("http_requests_received_total")
    store.add_scrape(TARGET, 1.0, metrics.render())
    (result,) = parse_query("http_requests_received_total").evaluate(store, 1.0)
    assert result.labels == {
        "__name__": "http_requests_received_total",
        "instance": "cart-1",
        "method": "GET",
        "route": "/cart",
        "service": "cart",
    }
    assert result.value == 1


def test_the_labels_of_the_target_win() -> None:
    store = stored("a")
    store.add_scrape(TARGET, 1.0, b'a{instance="mine"} 1\n')
    (result,) = parse_query("a").evaluate(store, 1.0)
    assert result.labels["instance"] == "cart-1"
    assert result.labels["exported_instance"] == "mine"


def test_a_series_that_a_scrape_lacks_is_stale_at_once() -> None:
    store = stored()
    store.add_scrape(TARGET, 1.0, b'requests_total{x="1"} 1\nrequests_total{x="2"} 1\n')
    store.add_scrape(TARGET, 2.0, b'requests_total{x="2"} 3\n')
    assert values(store, "requests_total", 2.0) == {"2": 3}
    store.add_scrape(TARGET, 3.0, b'requests_total{x="1"} 5\nrequests_total{x="2"} 5\n')
    assert values(store, "requests_total", 3.0) == {"1": 5, "2": 5}


def test_a_failed_scrape_makes_all_series_of_its_target_stale() -> None:
    store = stored()
    other = {"instance": "cart-2"}
    for target in (TARGET, other):
        store.add_scrape(target, 1.0, b"requests_total 1\n")
    store.add_failed_scrape(TARGET, 2.0)
    assert values(store, "requests_total", 2.0) == {"cart-2": 1}
    assert values(store, "up", 2.0) == {"cart-1": 0, "cart-2": 1}


def test_a_target_that_is_removed_has_no_series_but_its_past_counts() -> None:
    store = stored()
    store.add_scrape(TARGET, 1.0, b"requests_total 0\n")
    store.add_scrape(TARGET, 3.0, b"requests_total 20\n")
    store.remove_target(TARGET, 3.5)
    assert values(store, "requests_total", 4.0) == {}
    assert values(store, "up", 4.0) == {}
    assert values(store, "irate(requests_total[4s])", 4.0) == {"cart-1": 10}


def test_a_selector_looks_back_five_minutes() -> None:
    store = stored()
    store.add_scrape(TARGET, 1.0, b"requests_total 1\n")
    assert values(store, "requests_total", 300.9) == {"cart-1": 1}
    assert values(store, "requests_total", 301.0) == {}


def test_old_samples_and_targets_are_forgotten() -> None:
    store = stored()
    store.add_scrape({"instance": "gone"}, 0.0, b"requests_total 1\n")
    for second in range(1000):
        store.add_scrape(TARGET, second, f"requests_total {second}\n".encode())
    (series,) = store.series("requests_total")
    assert len(series.times) < 320
    assert values(store, "increase(requests_total[1m])", 999.0) == {"cart-1": 60}
