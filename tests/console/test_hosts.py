"""Where a console may listen, and which Host headers it then serves."""

import socket

import pytest

from cartwheel.console.hosts import check_host, names_of
from cartwheel.console.server.access import hosts_of
from cartwheel.errors import UsageError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "localhost", "::1"])
def test_loopback_needs_no_flag(host: str) -> None:
    check_host(host, allow_remote=False)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.7", "shop.example", "localhost.example"]
)
def test_a_host_that_others_can_reach_needs_a_flag(host: str) -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        check_host(host, allow_remote=False)
    check_host(host, allow_remote=True)


def test_a_host_that_is_given_is_served_beside_loopback() -> None:
    assert hosts_of(names_of("192.0.2.7"), 8090) == {
        *("127.0.0.1:8090", "localhost:8090", "[::1]:8090", "192.0.2.7:8090"),
    }


def test_behind_a_wildcard_only_names_of_this_machine_are_served() -> None:
    names = set(names_of("0.0.0.0"))

    assert {"127.0.0.1", "localhost", "[::1]", socket.gethostname()} <= names
    assert "0.0.0.0" not in names


def test_the_usual_port_may_be_left_out() -> None:
    assert hosts_of(["Shop.example"], 80) == {"shop.example:80", "shop.example"}
