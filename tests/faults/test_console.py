"""What the console breaks, on a plain shop with shoppers: it is seen, and it ends."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cartwheel.chaos.shop import Shop, own_shop
from cartwheel.chaos.shoppers import Shoppers
from cartwheel.console.faults.possibilities import FEATURED
from tests.cartwheel.supervisor_process import ROOT, command
from tests.console.faults.desk import Desk, faults_desk
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("console faults")

RATE, SEED = 30.0, 7
Figure = Callable[..., None]

# Begins a fault of a minute, and says so.
BEGINS = """
import asyncio, sys
from pathlib import Path
from cartwheel.chaos.catalogue import find_fault
from cartwheel.chaos.shop import find_shop
from cartwheel.console.faults.fault_runner import FaultRunner
from cartwheel.local.state_folder import StateFolder

async def main():
    shop = find_shop(StateFolder.at(Path(sys.argv[1])))
    await FaultRunner(mark=print).begin(find_fault("cart-hung"), shop, seconds=60.0)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def plain_shop() -> Iterator[Shop]:
    settings = {"CARTWHEEL_CHAOS": "false", "CARTWHEEL_CONSOLE": "on"}
    with own_shop(settings=settings) as shop:
        yield shop


@pytest.fixture
async def client(plain_shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    """Of the console that the shop has started, in a process of its own."""
    console = plain_shop.status()["console"]
    headers = {"authorization": f"Bearer {console['link'].partition('#token=')[2]}"}
    async with httpx2.AsyncClient(base_url=console["url"], headers=headers) as client:
        yield client


@pytest.fixture
async def desk(plain_shop: Shop) -> AsyncIterator[Desk]:
    async with faults_desk(plain_shop) as desk:
        yield desk


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("cart-killed", marks=pytest.mark.fault(26)),
        pytest.param("cart-hung", marks=pytest.mark.fault(29)),
        pytest.param("slow-cart", marks=pytest.mark.fault(15)),
        pytest.param("cart-partitioned", marks=pytest.mark.fault(17, 23)),
        pytest.param("cart-store-locked", marks=pytest.mark.fault(13, store="sqlite")),
        pytest.param("retries-exhausted", marks=pytest.mark.fault(17, 18)),
    ],
)
async def test_a_fault_of_the_first_screen_is_seen_and_ends(
    name: str, desk: Desk, tmp_path: Path, figure: Figure
) -> None:
    assert name in FEATURED["sqlite"]
    async with Shoppers(desk.shop.url, rate=RATE, seed=SEED, history=tmp_path / "history") as load:
        await until(lambda: len(load.figures) > 1, within=20.0)
        begun = await desk.send("PUT", f"/api/faults/{name}")
        assert begun.status_code == 200, begun.text
        outcome = await desk.outcome()
    assert outcome["passed"], outcome["sentence"]
    assert await desk.effects() == []
    figure("console: seen after {:.1f} s", outcome["symptom"]["after"])


@pytest.mark.fault(28)
async def test_a_lesson_is_graded_as_the_command_grades_its_fault(
    plain_shop: Shop, client: httpx2.AsyncClient
) -> None:
    started = (await client.post("/api/lessons/crash")).json()
    phases = []

    async def is_over() -> bool:
        await asyncio.sleep(0.1)
        phases.append((await client.get("/api/lessons/current")).json()["phase"])
        return bool(phases[-1] == "ended")

    await until(is_over, within=60.0)
    lesson = (await client.get("/api/lessons/current")).json()
    assert lesson["problem"] is None
    assert list(dict.fromkeys(phases)) == [
        "starting", "usual", "broken", "recovering", "checking", "ended",
    ]  # fmt: skip
    assert lesson["result"]["passed"], lesson
    assert "cartwheel chaos run tracking-killed" in started["command"]
    again = command(plain_shop.state.root, "chaos", "run", "tracking-killed", "--json")
    assert _shape(lesson["result"]) == _shape_of_text(again.stdout)


@pytest.mark.fault(17)
async def test_a_lesson_that_is_ended_early_has_what_was_measured_and_nothing_stays_broken(
    desk: Desk,
) -> None:
    await desk.send("POST", "/api/lessons/circuit-breaker")
    again = await desk.send("POST", "/api/lessons/crash")
    assert again.json()["detail"] == "The lesson 'The circuit breaker' runs: end it first."
    fault = await desk.send("PUT", "/api/faults/cart-hung")
    assert fault.json()["detail"] == "A lesson runs: end it first."
    await until(lambda: bool(desk.part.states([])), within=20.0)
    (state,) = await desk.states()
    assert (state.fault, state.by) == ("cart-partitioned", "the lesson 'The circuit breaker'")
    ended = (await desk.send("DELETE", "/api/lessons/current")).json()
    assert ended["phase"] == "ended"
    assert ended["result"]["interrupted"]
    assert [fault["fault"] for fault in ended["result"]["faults"]] == ["cart-partitioned"]
    assert await desk.effects() == []


async def test_a_fault_is_undone_when_the_console_is_killed(desk: Desk) -> None:
    command = [sys.executable, "-c", BEGINS, str(desk.shop.state.root)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        await until(desk.is_broken, within=20.0)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    await until(desk.is_whole, within=20.0)


def _shape_of_text(printed: str) -> Any:
    return _shape(json.loads(printed))


def _shape(document: Any) -> Any:
    """Its fields, whatever was measured."""
    if isinstance(document, dict):
        return {name: _shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_shape(value) for value in document[:1]]
    return None
