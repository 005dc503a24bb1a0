"""A shop that was started with `--chaos`: what its services and their edges can suffer then."""

import json
import shutil
import socket
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest

from cartwheel.local.faults.client import FaultSession, open_fault_session
from cartwheel.local.faults.effects import BlockEventLoop, Limit, ShiftClock, Toxics
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually, running

pytestmark = pytest.mark.xdist_group("effects with chaos")

needs_faketime = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("faketime") is None,
    reason="a clock can be shifted on Linux with faketime only",
)
DELAY = 0.4
SLOW = Toxics(edge="storefront->cart", toxics=({"type": "latency", "latency_ms": 1000 * DELAY},))
BLOCKED = 60.0
AHEAD = 600.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output", CARTWHEEL_CHAOS="true") as run:
        yield run.ready()


@pytest.fixture
def session(shop: SupervisorProcess) -> Iterator[FaultSession]:
    with open_fault_session(StateFolder.at(shop.state), "a test") as session:
        yield session


def targets(shop: SupervisorProcess, *, caller: str = "") -> list[str]:
    """Where a caller finds the carts; without one, where anybody does."""
    file = shop.state / "endpoints" / caller / "cart.json"
    return [target for group in json.loads(file.read_text()) for target in group["targets"]]


def responds(port: int, *, within: float) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/v1/name", timeout=within).status_code == 200
    except httpx2.TransportError:
        return False


def test_with_chaos_toxics_affect_connections_that_are_open_already(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    target = targets(shop, caller="storefront")[0]
    assert target not in targets(shop)
    host, port = target.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        session.inject(SLOW)
        assert targets(shop, caller="storefront")[0] == target
        started = time.monotonic()
        connection.sendall(b"GET /v1/name HTTP/1.1\r\nHost: cart\r\nConnection: close\r\n\r\n")
        assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - started >= DELAY


@pytest.mark.fault(29)
def test_a_blocked_event_loop_goes_on_when_the_effect_is_undone(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    replica = shop.scale_cart(2)[0]
    effect_id = session.inject(BlockEventLoop(replica["replica"], BLOCKED))
    assert not responds(replica["port"], within=0.3)
    session.undo(effect_id)
    assert responds(replica["port"], within=10.0)


@pytest.mark.fault(29)
def test_a_replica_is_not_ready_while_its_event_loop_is_blocked(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    name = shop.scale_cart(2)[0]["replica"]
    effect_id = session.inject(BlockEventLoop(name, BLOCKED))
    eventually(lambda: name not in shop.endpoints())
    session.undo(effect_id)
    eventually(lambda: name in shop.endpoints())


@needs_faketime
def test_one_replica_has_another_clock_until_the_effect_is_undone(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    before = shop.scale_cart(2)
    effect_id = session.inject(ShiftClock("cart", AHEAD))
    shifts = sorted(clock_of(replica) - time.time() for replica in shop.replicas())
    assert shifts == [pytest.approx(0.0, abs=5.0), pytest.approx(AHEAD, abs=5.0)]
    session.undo(effect_id)
    assert {replica["replica"] for replica in shop.replicas()} != {
        replica["replica"] for replica in before
    }
    assert len(shop.replicas()) == 2
    for replica in shop.replicas():
        assert clock_of(replica) == pytest.approx(time.time(), abs=5.0)


@needs_faketime
def test_a_shifted_clock_has_ended_when_a_restart_has_replaced_its_replica(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    shop.scale_cart(2)
    session.inject(ShiftClock("cart", AHEAD))
    assert [fault["acts"] for fault in shop.status()["faults"]] == [True]
    assert shop.command("restart", "cart").returncode == 0
    assert [fault["acts"] for fault in shop.status()["faults"]] == [False]


@pytest.mark.fault(30)
def test_a_replica_that_needs_more_memory_than_it_may_have_is_killed_again_and_again(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    replica = shop.scale_cart(2)[0]
    effect_id = session.inject(Limit(replica["replica"], "memory", 1_000_000))
    eventually(lambda: shop.cart(replica["replica"])["restarts"] >= replica["restarts"] + 2)
    session.undo(effect_id)
    eventually(lambda: len(shop.endpoints()) == 2)


def clock_of(replica: dict[str, object]) -> float:
    seconds = httpx2.get(f"http://127.0.0.1:{replica['port']}/v1/clock", timeout=10).json()
    assert isinstance(seconds, float)
    return seconds
