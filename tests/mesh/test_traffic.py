"""The traffic, from what replicas publish: two scrapes, two seconds apart."""

from collections.abc import Iterable, Mapping

import pytest

from cartwheel.mesh.queries import mesh_queries
from cartwheel.mesh.traffic import Traffic, traffic_of
from cartwheel.promql import SampleStore, parse_query

QUERIES = {name: parse_query(text) for name, text in mesh_queries("2500ms", serving="5s").items()}
Lines = Mapping[str, Iterable[str]]
CALLER_OF_CART = 'http_client_retries_total{service="storefront",upstream="cart"} 0'


def traffic(before: Lines, after: Lines) -> Traffic:
    """``before`` and ``after``: lines of each replica, which is called ``service-number``."""
    store = SampleStore(
        {name for query in QUERIES.values() for name in query.metric_names}, longest_range=10
    )
    for at, lines in ((1000.0, before), (1001.0, before), (1002.0, after)):
        for replica, text in lines.items():
            target = {"service": replica.partition("-")[0], "instance": replica}
            store.add_scrape(target, at, "\n".join(text).encode() + b"\n")
    results = {name: query.evaluate(store, 1002.0) for name, query in QUERIES.items()}
    return traffic_of(results, window=2.5)


def received(count: int, *, service: str = "cart") -> str:
    return f'http_requests_received_total{{method="GET",route="/",service="{service}"}} {count}'


def responses(count: int, *, status: int = 200, service: str = "cart") -> str:
    labels = f'method="GET",route="/",service="{service}",status="{status}"'
    return f"http_request_duration_seconds_count{{{labels}}} {count}"


def calls(count: int, *, outcome: str = "ok", upstream: str = "cart") -> str:
    labels = f'outcome="{outcome}",service="storefront",upstream="{upstream}"'
    return f"http_client_request_duration_seconds_count{{{labels}}} {count}"


def operations(count: int, *, operation: str = "read", outcome: str = "ok") -> str:
    labels = f'operation="{operation}",outcome="{outcome}",service="cart",store="valkey"'
    return f"store_operation_duration_seconds_count{{{labels}}} {count}"


def test_a_service_has_the_rate_of_all_its_replicas_and_each_replica_its_own() -> None:
    found = traffic(
        {"cart-1": [received(100)], "cart-2": [received(100)]},
        {"cart-1": [received(120)], "cart-2": [received(180)]},
    )
    assert found.service("cart").rate == 40 + 10
    assert found.replica("cart-1").rate == 10
    assert found.replica("cart-2").rate == 40


def test_the_error_share_counts_responses_with_500_and_more() -> None:
    found = traffic(
        {"cart-1": [received(100), responses(100), responses(100, status=503)]},
        {"cart-1": [received(200), responses(175), responses(125, status=503)]},
    )
    assert found.service("cart").errors == 0.25


def test_without_responses_there_is_no_error_share_and_no_percentile() -> None:
    found = traffic({"cart-1": [received(100)]}, {"cart-1": [received(100)]}).service("cart")
    assert (found.rate, found.errors, found.p95) == (0.0, None, None)


def test_a_percentile_is_that_of_all_replicas_together() -> None:
    def buckets(fast: int, slow: int) -> list[str]:
        name = "http_request_duration_seconds_bucket"
        counts = {"0.1": fast, "1.0": fast + slow, "+Inf": fast + slow}
        return [
            received(0),
            *(f'{name}{{le="{le}",status="200"}} {count}' for le, count in counts.items()),
        ]

    found = traffic(
        {"cart-1": buckets(100, 0), "cart-2": buckets(100, 0)},
        {"cart-1": buckets(200, 0), "cart-2": buckets(100, 100)},
    )
    assert found.service("cart").p95 == pytest.approx(0.91)


def test_a_call_has_failed_unless_it_was_ok_or_the_callers_own_fault() -> None:
    outcomes = ("ok", "client_error", "cancelled", "timeout", "server_error")
    found = traffic(
        {"storefront-1": [calls(100, outcome=one) for one in outcomes]},
        {"storefront-1": [calls(120, outcome=one) for one in outcomes]},
    )
    (edge,) = found.calls
    assert (edge.source, edge.target) == ("storefront", "cart")
    assert edge.rate == 50
    assert edge.errors == 0.4


def test_an_edge_without_calls_is_not_there() -> None:
    lines = {"storefront-1": [calls(100), CALLER_OF_CART, received(5, service="storefront")]}
    assert traffic(lines, lines).edges([Traffic()]) == []


def test_an_open_breaker_is_seen_while_its_caller_has_requests() -> None:
    breaker = 'http_client_breaker_open{service="storefront",upstream="cart"} 1'
    before = {"storefront-1": [breaker, received(100, service="storefront")]}
    after = {"storefront-1": [breaker, received(110, service="storefront")]}
    (edge,) = traffic(before, after).calls
    assert (edge.rate, edge.open_breakers) == (0.0, 1)
    assert traffic(after, after).calls == []


def test_requests_that_no_caller_sent_come_from_outside() -> None:
    before = {"cart-1": [received(100)], "storefront-1": [calls(100), CALLER_OF_CART]}
    after = {"cart-1": [received(180)], "storefront-1": [calls(140), CALLER_OF_CART]}
    found = traffic(before, after)
    edges = {(one.source, one.target): one.rate for one in found.edges([found])}
    assert edges == {("outside", "cart"): 20.0, ("storefront", "cart"): 20.0}


def test_requests_of_callers_do_not_come_from_outside() -> None:
    """Not even one that its caller has not counted yet, as it still waits for the response."""
    before = {"cart-1": [received(100)], "storefront-1": [calls(100), CALLER_OF_CART]}
    waiting = 'http_requests_in_flight{service="storefront"} 2'
    after = {"cart-1": [received(142)], "storefront-1": [calls(140), CALLER_OF_CART, waiting]}
    found = traffic(before, after)
    assert [(one.source, one.target) for one in found.edges([found])] == [("storefront", "cart")]


def test_one_scrape_alone_shows_nothing_from_outside_where_there_are_callers() -> None:
    before = {"cart-1": [received(100)], "storefront-1": [CALLER_OF_CART]}
    after = {"cart-1": [received(101)], "storefront-1": [CALLER_OF_CART]}
    assert traffic(before, after).edges([Traffic()]) == []


def test_where_nobody_calls_a_request_from_outside_is_seen_at_once() -> None:
    before = {"storefront-1": [received(100, service="storefront")]}
    after = {"storefront-1": [received(101, service="storefront")]}
    (edge,) = traffic(before, after).edges([Traffic()])
    assert (edge.source, edge.target, edge.rate) == ("outside", "storefront", 0.5)


def test_the_operations_of_a_store_are_without_those_of_the_probe() -> None:
    lines = [received(0), operations(100), operations(100, operation="schema_version")]
    after = [
        received(0),
        operations(115),
        operations(900, operation="schema_version"),
        operations(105, outcome="full"),
    ]
    before = [*lines, operations(100, outcome="full")]
    store = traffic({"cart-1": before}, {"cart-1": after}).service("cart").store
    assert store is not None
    assert (store.kind, store.rate, store.errors) == ("valkey", 10.0, 0.25)


def test_a_replica_that_was_scraped_once_is_serving_if_it_has_had_requests() -> None:
    found = traffic({}, {"cart-1": [received(1)], "cart-2": [received(0)]})
    assert found.replica("cart-1").is_serving
    assert not found.replica("cart-2").is_serving
    assert found.replica("cart-1").rate is None


def test_a_store_that_only_probes_have_asked_has_a_kind_and_no_load() -> None:
    def lines(probes: int) -> list[str]:
        return [received(0), operations(probes, operation="schema_version")]

    store = traffic({"cart-1": lines(10)}, {"cart-1": lines(20)}).service("cart").store
    assert store is not None
    assert (store.kind, store.rate, store.errors, store.p95) == ("valkey", 0.0, None, None)
