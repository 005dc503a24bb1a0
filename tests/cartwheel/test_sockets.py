"""The listening sockets of the shop, and its URLs."""

import socket
from pathlib import Path

import httpx2
import pytest

from cartwheel.errors import UsageError
from cartwheel.local.sockets import ListeningSockets
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import SupervisorProcess, command


def test_localhost_is_the_shop_whichever_address_that_is(shop: SupervisorProcess) -> None:
    shop.scale_cart(1)
    url = shop.service("cart")["url"]
    assert url.startswith("http://127.0.0.1:")
    for host in ("127.0.0.1", "[::1]", "localhost"):
        answer = httpx2.get(f"{url.replace('127.0.0.1', host)}/livez")
        assert answer.status_code == 200, host


def test_with_no_replica_callers_are_refused_on_every_address(shop: SupervisorProcess) -> None:
    shop.scale_cart(1)
    url = shop.service("cart")["url"]
    shop.scale_cart(0)
    for host in ("127.0.0.1", "[::1]"):
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url.replace('127.0.0.1', host)}/livez")
    shop.scale_cart(1)
    assert httpx2.get(f"{url.replace('127.0.0.1', '[::1]')}/livez").status_code == 200


def test_a_port_that_only_the_other_localhost_has_taken_is_taken() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} for cart is taken by"):
            ListeningSockets("127.0.0.1", port, "cart")
    # The socket that was opened first is closed again.
    ListeningSockets("127.0.0.1", port, "cart").close()


def test_without_ipv6_there_is_one_address_less(monkeypatch: pytest.MonkeyPatch) -> None:
    # An address that no machine has replaces ::1, as if there were no IPv6.
    monkeypatch.setattr(
        "cartwheel.local.sockets.LOOPBACK", {"127.0.0.1": ("127.0.0.1", "2001:db8::1")}
    )
    sockets = ListeningSockets("127.0.0.1", 0, "cart")
    assert len(sockets.descriptors) == 1
    sockets.close()


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("::1", "[::1]"),
        ("::", "[::1]"),
        ("0.0.0.0", "127.0.0.1"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_an_address_is_written_as_a_browser_reads_it(host: str, written: str) -> None:
    sockets = ListeningSockets(host, 0, "cart")
    try:
        assert sockets.url == f"http://{written}:{sockets.port}"
    finally:
        sockets.close()


def test_with_an_ipv6_host_every_address_is_ipv6(start: Start) -> None:
    run = start(CARTWHEEL_HOST="::1").ready()
    assert run.output.count("http://[::1]:") == 2
    assert "127.0.0.1" not in run.output
    assert httpx2.get(f"{run.service('cart')['url']}/livez").status_code == 200
    assert "http://[::1]:" in run.command("status").stdout


def test_a_host_that_is_not_here_is_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "up", "--host", "2001:db8::1", CARTWHEEL_PORT_PRODUCTS="18299")
    assert done.returncode == 2
    assert done.stderr.startswith("[2001:db8::1]:18299 for products cannot be opened")
    assert done.stderr.count("\n") == 1
