"""Toxics on one edge of a running shop: its caller alone is affected, on every connection."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cartwheel.errors import CommandError
from cartwheel.local.edges import Edge
from cartwheel.local.faults.client import FaultSession, open_fault_session
from cartwheel.local.faults.effects import Toxics
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_proxies import open_store_proxies
from cartwheel.tcp_proxy import Latency
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually
from tests.tcp_proxy.echo import serving

EDGE = "storefront->cart"
DELAY = 0.4
SLOW = Toxics(edge=EDGE, toxics=({"type": "latency", "latency_ms": 1000 * DELAY},))


@pytest.fixture
def session(shop: SupervisorProcess) -> Iterator[FaultSession]:
    with open_fault_session(StateFolder.at(shop.state), "a test") as session:
        yield session


def targets(run: SupervisorProcess, *, caller: str = "") -> list[str]:
    """Where a caller finds the carts; without one, where anybody does."""
    file = run.state / "endpoints" / caller / "cart.json"
    return [target for group in json.loads(file.read_text()) for target in group["targets"]]


def seconds_of_a_call(client: httpx2.Client, target: str) -> float:
    started = time.monotonic()
    assert client.get(f"http://{target}/v1/name").status_code == 200
    return time.monotonic() - started


def test_a_caller_finds_the_replicas_themselves_while_its_edge_has_no_toxics(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(2)
    assert sorted(targets(shop, caller="storefront")) == sorted(targets(shop))


def test_toxics_slow_the_calls_of_one_caller_until_they_are_undone(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    shop.scale_cart(2)
    effect_id = session.inject(SLOW)
    assert len(targets(shop, caller="storefront")) == 2
    assert not set(targets(shop, caller="storefront")) & set(targets(shop))
    with httpx2.Client(timeout=10) as client:
        for target in targets(shop, caller="storefront"):
            assert seconds_of_a_call(client, target) >= DELAY
    session.undo(effect_id)
    assert sorted(targets(shop, caller="storefront")) == sorted(targets(shop))


def test_a_replica_that_starts_during_the_fault_has_the_toxics_too(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    shop.scale_cart(1)
    session.inject(SLOW)
    shop.scale_cart(2)
    eventually(lambda: len(targets(shop, caller="storefront")) == 2)
    with httpx2.Client(timeout=10) as client:
        for target in targets(shop, caller="storefront"):
            assert seconds_of_a_call(client, target) >= DELAY


def test_an_unknown_edge_is_refused_with_the_names_of_all(session: FaultSession) -> None:
    with pytest.raises(CommandError, match=r"'cart->storefront': it has storefront->cart\.$"):
        session.inject(Toxics(edge="cart->storefront", toxics=({"type": "down"},)))


def test_toxics_before_a_store_need_a_shop_with_proxies(session: FaultSession) -> None:
    with pytest.raises(CommandError, match="cartwheel up --chaos --stores real"):
        session.inject(Toxics(store="cart", toxics=({"type": "down"},)))


async def test_a_proxy_before_a_store_has_its_url_but_for_the_port() -> None:
    urls = {
        "cart": "valkey://:secret@127.0.0.1:6379",
        "user": "postgresql://postgres:secret@127.0.0.1:5432/user",
        "products": "sqlite:////data/products.sqlite3",
    }
    async with open_store_proxies(urls, requested=True) as proxies:
        assert set(proxies.by_service) == {"cart", "user"}
        ports = {service: proxy.port for service, proxy in proxies.by_service.items()}
        assert proxies.urls == {
            "cart": f"valkey://:secret@127.0.0.1:{ports['cart']}",
            "user": f"postgresql://postgres:secret@127.0.0.1:{ports['user']}/user",
            "products": urls["products"],
        }
    async with open_store_proxies(urls, requested=False) as proxies:
        assert proxies.urls == urls


async def test_connections_outlive_a_fault_by_the_whole_time_also_after_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = [Latency(latency_ms=1)]
    async with serving() as server:
        file = tmp_path / "edge" / "b.json"
        edge = Edge("a", "b", file=file, emit=lambda _kind, _message: None)
        edge.publish([("b-1", server.port)])
        monkeypatch.setattr("cartwheel.local.edges.LINGER", 0.05)
        with edge.affected_by(slow):
            pass
        monkeypatch.setattr("cartwheel.local.edges.LINGER", 60)
        with edge.affected_by(slow):
            [[target]] = [group["targets"] for group in json.loads(file.read_text())]
            reader, writer = await asyncio.open_connection(*target.split(":"))
        await asyncio.sleep(0.1)  # the first one would have closed it
        writer.write(b"hello")
        assert await reader.read(5) == b"hello"
        edge.close()
        writer.close()
