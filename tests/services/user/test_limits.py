"""Whom an attempt is counted for."""

import pytest

from services.user.rate_limits import Limit, hidden, network_of, refusal


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("a, b", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_callers_are_counted_by_the_network_one_customer_gets(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_limit_of_five_a_minute_allows_one_more_every_twelve_seconds() -> None:
    assert (Limit(5).interval, Limit(5).burst) == (12_000, 48_000)


def test_a_refusal_never_asks_for_a_wait_that_is_too_short() -> None:
    assert [refusal(wait).retry_after for wait in (1, 1000, 1001, 12_000)] == [1, 1, 2, 12]


def test_keys_of_different_things_differ_and_tell_nothing() -> None:
    assert hidden("ab", "c") != hidden("a", "bc")
    assert "ann" not in hidden("account", "ann@example.com")
