"""The result of a trigger's query, as KEDA's adapter reports it."""

import pytest

from cartwheel.autoscaling.observation import Reading, Unavailable, Values
from cartwheel.local.autoscaling.query_metric import QueryMetric
from cartwheel.promql import SampleStore


def reading_of(query: str, exposition: bytes, **metadata: str) -> Reading:
    metric = QueryMetric.of({"query": query, **metadata})
    store = SampleStore(metric.query.metric_names, longest_range=metric.query.longest_range)
    store.add_scrape({"instance": "cart-1"}, 1000.0, exposition)
    return metric.reading(store, 1000.0)


def test_the_value_is_in_thousandths_and_a_smaller_part_is_dropped() -> None:
    assert reading_of("sum(a)", b"a 1.2345\n") == Values([1234])


def test_an_empty_result_is_0_unless_null_values_count() -> None:
    assert reading_of("sum(a)", b"b 1\n") == Values([0])
    assert reading_of("sum(a)", b"b 1\n", ignoreNullValues="false") == Unavailable(
        "the query returned nothing"
    )


@pytest.mark.parametrize("value", ["NaN", "+Inf"])
def test_a_result_that_is_no_number_is_no_value(value: str) -> None:
    found = reading_of("sum(a)", f"a {value}\n".encode(), ignoreNullValues="false")
    assert isinstance(found, Unavailable)


def test_several_series_are_no_value() -> None:
    found = reading_of("a", b'a{b="1"} 1\na{b="2"} 1\n')
    assert found == Unavailable("the query returned 2 series instead of one")


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("sum(rate(http_requests_received_total[4s]))", "requests/s"),
        ("sum(http_requests_in_flight)", None),
        ("sum(rate(bytes_total[4s]))", None),
    ],
)
def test_a_rate_of_requests_has_a_unit(query: str, unit: str | None) -> None:
    assert QueryMetric.of({"query": query}).unit == unit
