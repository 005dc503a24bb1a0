"""The client address that attempts are counted by, with proxies in front and without."""

import ipaddress
from collections.abc import Mapping

import pytest

from app.settings import SettingsError, load
from services.storefront.main import build
from services.storefront.settings import StorefrontSettings
from services.storefront.web.forwarded_for import client_address
from tests.services.storefront.browser import Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams
from tests.support.asgi import running

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
VARIABLE = "CARTWHEEL_TRUSTED_PROXIES"


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("peer", "forwarded", "shopper"),
    [
        ("10.0.0.7", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.7", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.7", ["6.6.6.6", "192.0.2.1, 10.0.0.8"], "192.0.2.1"),
        ("10.0.0.7", ["6.6.6.6,  192.0.2.1 ,10.0.0.8,10.1.2.3"], "192.0.2.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.7", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("10.0.0.7", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.7", ["[2001:db8::1]:4711"], "2001:db8::1"),
        # Nobody forwarded anything, or nothing that can be read: the proxy itself.
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", [""], "10.0.0.7"),
        ("10.0.0.7", ["192.0.2.1, unknown"], "10.0.0.7"),
        ("10.0.0.7", ["192.0.2.1, nonsense, 10.0.0.8"], "10.0.0.8"),
        # A peer that is no proxy of ours says what it likes.
        ("198.51.100.7", ["6.6.6.6"], "198.51.100.7"),
        ("198.51.100.7", ["6.6.6.6, 10.0.0.8"], "198.51.100.7"),
        ("", ["6.6.6.6"], ""),
    ],
)
def test_the_shopper_is_the_last_address_that_is_no_proxys(
    peer: str, forwarded: list[str], shopper: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == shopper


@pytest.mark.fault(64)
def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address("10.0.0.7", ["192.0.2.1"], []) == "10.0.0.7"


@pytest.mark.parametrize(
    ("changes", "counted"),
    [({}, "127.0.0.1"), ({"trusted_proxies": "127.0.0.0/8"}, "192.0.2.1")],
)
async def test_pages_and_api_count_by_the_same_address(
    upstreams: FakeUpstreams, changes: Mapping[str, str], counted: str
) -> None:
    forwarded = {"x-forwarded-for": "6.6.6.6, 192.0.2.1"}
    async with running(build(settings(**changes), transports=upstreams.transports)) as client:
        client.headers.update(forwarded)
        await client.post("/api/user/v1/guests")
        browser = Browser(client)
        await browser.add("BIKE-1")
        await browser.register()
    counting = [
        one
        for path in ("/v1/guests", "/v1/users", "/v1/sessions")
        for one in upstreams.requests_to("POST", path)
    ]
    assert len(counting) == 4
    assert {one.headers["x-forwarded-for"] for one in counting} == {counted}


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "10.1.2.3/8", "proxy", "10.0.0.0/8;fd00::/8"])
def test_what_is_no_network_stops_the_start_with_a_sentence(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTWHEEL_SERVICE_TOKENS", "a-token")
    monkeypatch.setenv(VARIABLE, f"fd00::/8, {wrong}")
    with pytest.raises(SettingsError) as raised:
        load(StorefrontSettings)
    (problem,) = raised.value.problems
    assert problem.startswith(f"{VARIABLE}: {wrong!r} is not a network")
    assert "allowed: networks like 10.0.0.0/8" in problem


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_everybody_cannot_be_trusted(everybody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTWHEEL_SERVICE_TOKENS", "a-token")
    monkeypatch.setenv(VARIABLE, everybody)
    with pytest.raises(SettingsError, match="is everybody"):
        load(StorefrontSettings)
