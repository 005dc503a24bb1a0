"""Which queries are supported, and what they say about themselves."""

from pathlib import Path

import pytest
import yaml

from cartwheel.promql import QueryError, SampleStore, parse_query

MANIFESTS = Path(__file__).parents[2] / "manifests"
TARGET = {"instance": "cart-1"}


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("histogram_quantile(0.9, name)", "histogram_quantile is not supported"),
        ("topk(3, name)", "topk is not supported"),
        ("a and b", "the operator and is not supported"),
        ("a > 2", "the operator > is not supported"),
        ("a + on(x) group_left() b", "group_left is not supported"),
        ("name offset 5m", "offset is not supported"),
        ("name @ 5", "the modifier @ is not supported"),
        ("rate(name[5m:1s])", "a subquery is not supported"),
        ('name{a="b" or c="d"}', "or between matchers is not supported"),
        ('{service="cart"}', "a selector without the name of a metric is not supported"),
        ('{__name__=~"a.*"}', 'the matcher __name__=~"a.*" is not supported'),
        ("name[4s]", "a range outside a function is not supported"),
        ("1 + 1", "a number as the result of a query is not supported"),
        ('"text"', "StringLiteral is not supported"),
        ("time()", "time is not supported"),
        ("vector(scalar(a))", "scalar is not supported"),
        (r'name{a=~"\\pL"}', r"the regular expression \pL is not supported"),
        ("sum(", "the query cannot be parsed: unclosed left parenthesis"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(query: str, refused: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert str(caught.value).startswith(refused)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("+".join(["x"] * 500), "nested too deeply"),
        ("-" * 500 + "x", "nested too deeply"),
        (f"{'(' * 500}x{')' * 500}", "nested too deeply"),
        (f"{'sum(' * 500}x{')' * 500}", "nested too deeply"),
        (f"{'(' * 100_000}x{')' * 100_000}", "has 200001 characters"),
    ],
)
def test_a_query_that_is_too_large_is_refused(query: str, problem: str) -> None:
    with pytest.raises(QueryError, match=problem):
        parse_query(query)


def test_a_query_of_many_terms_is_evaluated() -> None:
    store = SampleStore({"x"}, longest_range=0)
    store.add_scrape({}, 1.0, b"x 1\n")

    (value,) = parse_query("+".join(["x"] * 100)).evaluate(store, 1.0)

    assert value.value == 100


def test_a_query_knows_its_metrics_and_its_longest_range() -> None:
    query = parse_query('sum(rate(a_total{x="y"}[4s])) / (increase({__name__="b_total"}[1m]) or c)')
    assert query.metric_names == {"a_total", "b_total", "c"}
    assert query.longest_range == 60


def test_the_query_of_the_manifests_counts_the_arriving_requests() -> None:
    manifest = MANIFESTS / "components" / "autoscaling-requests" / "scaledobject.yaml"
    (trigger,) = yaml.safe_load(manifest.read_text())["spec"]["triggers"]
    query = parse_query(trigger["metadata"]["query"])
    store = SampleStore(query.metric_names, longest_range=query.longest_range)
    assert query.evaluate(store, 0.0) == []

    def scrape(at: float, *counts: int) -> None:
        for number, count in enumerate(counts):
            text = f'http_requests_received_total{{service="cart",route="/cart"}} {count}\n'
            store.add_scrape({"instance": f"cart-{number}"}, at, text.encode())

    scrape(100.0, 1000, 2000)
    (value,) = query.evaluate(store, 100.0)
    assert (value.labels, value.value) == ({}, 0)
    scrape(102.0, 1040, 2020)
    (value,) = query.evaluate(store, 102.0)
    assert value.value == pytest.approx(30)
    scrape(104.0, 1080, 2040, 5)
    (value,) = query.evaluate(store, 104.0)
    assert value.value == pytest.approx(30)


def test_two_series_of_one_side_that_match_the_same_series_are_an_error() -> None:
    store = SampleStore({"a", "b"}, longest_range=0)
    store.add_scrape(TARGET, 1.0, b'a{x="1"} 1\na{x="2"} 1\nb 1\n')
    with pytest.raises(QueryError, match=r'on the left .* {instance="cart-1"}'):
        parse_query("a + on(instance) b").evaluate(store, 1.0)
