"""The routes of the load: real generators, in front of a server that answers as the shop."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cartwheel.console.history.history import History
from cartwheel.console.history.store import HistoryStore
from cartwheel.console.live import Live
from cartwheel.console.load import LoadPart
from cartwheel.console.load import control as load_control
from cartwheel.console.load.requested import read_requested
from cartwheel.errors import CommandError, UsageError
from cartwheel.mesh import LoadState, Mark
from tests.console.console_server import Console, serving_console
from tests.loadtest.fake_shop import shop
from tests.support.waiting import until

WITHIN = 20.0
LONG = {"scenario": "browse", "rate": 20, "seconds": 60}


@dataclass(frozen=True)
class LoadConsole:
    """A console with nothing but the load, and the marks that it made."""

    console: Console
    part: LoadPart
    marks: list[Mark]

    async def put(self, **body: Any) -> dict[str, Any]:
        done = await self.console.client.put("/api/load", json=body, headers=self.console.token)
        assert done.status_code == 200, done.text
        return dict(done.json())

    async def delete(self) -> dict[str, Any]:
        done = await self.console.client.delete("/api/load", headers=self.console.token)
        return dict(done.json())

    async def get(self) -> dict[str, Any]:
        return dict((await self.console.client.get("/api/load")).json())

    async def refused(self, **body: Any) -> tuple[int, str]:
        done = await self.console.client.put("/api/load", json=body, headers=self.console.token)
        assert done.headers["content-type"] == "application/problem+json"
        return done.status_code, done.json()["detail"]

    @property
    def state(self) -> LoadState:
        found = self.part.state()
        assert found is not None
        return found

    async def ended(self) -> dict[str, Any]:
        """The load that has ended by itself."""

        async def has_ended() -> bool:
            return (await self.get())["last"] is not None

        await until(has_ended, within=WITHIN)
        return dict((await self.get())["last"])


@asynccontextmanager
async def load_console(target: str | None) -> AsyncIterator[LoadConsole]:
    """A console whose shop is there, or does not run."""
    marks: list[Mark] = []

    def find_target() -> str:
        if target is None:
            raise CommandError("The shop does not run.")
        return target

    live = Live()
    live.on_mark.append(marks.append)
    part = LoadPart(live, find_target=find_target, command="cartwheel load")
    async with serving_console([part]) as console:
        yield LoadConsole(console, part, marks)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with shop() as url:
        yield url


@pytest.fixture
async def load(target: str) -> AsyncIterator[LoadConsole]:
    async with load_console(target) as found:
        yield found


async def test_a_load_starts_changes_and_ends(load: LoadConsole) -> None:
    before = await load.get()
    assert (before["running"], before["last"], before["max_rate"]) == (None, None, 500)
    assert load.part.state() is None
    started = await load.put(**LONG)
    assert started["running"]["asked"] == 20
    assert started["running"]["text"] == "60s:20"
    await until(lambda: load.state.achieved is not None, within=WITHIN)
    changed = await load.put(rate=150, seconds=60)
    assert (changed["running"]["asked"], changed["running"]["scenario"]) == (150, "browse")
    assert load.state.asked == 150
    await until(lambda: (load.state.achieved or 0) > 100, within=WITHIN)
    ended = await load.delete()
    assert ended["running"] is None
    assert ended["last"]["is_good"]
    assert ended["last"]["sent"] > 100
    assert "none failed" in ended["last"]["sentence"]
    assert load.part.state() is None


async def test_the_beginning_a_change_and_the_end_are_marks(
    load: LoadConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_control, "CHANGE_SETTLED", 0.5)
    await load.put(**LONG)
    for rate in (30, 40, 50):
        await load.put(rate=rate, seconds=60)
    await until(lambda: len(load.marks) > 1, within=WITHIN)
    await load.delete()
    await until(lambda: len(load.marks) > 2, within=WITHIN)
    assert [mark.title for mark in load.marks] == ["20/s", "50/s", "load ends"]
    assert {mark.kind for mark in load.marks} == {"load"}
    assert load.marks[0].detail == "browse: 20 requests a second for 60 s."


async def test_a_load_that_ends_with_the_console_has_its_end_in_the_history(
    target: str, tmp_path: Path
) -> None:
    live, path = Live(), tmp_path / "console.sqlite"
    part = LoadPart(live, find_target=lambda: target, command="cartwheel load")
    async with serving_console([History(live, path), part], live=live) as console:
        await console.client.put("/api/load", json=LONG, headers=console.token)
    marks = HistoryStore(path).marks(0.0, time.time() + 1.0)
    assert [mark.title for mark in marks] == ["20/s", "load ends"]
    assert marks[-1].detail == "It ended with the console."


async def test_a_load_ends_when_its_shop_is_gone_and_another_may_have_its_port(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cartwheel.console.load.part.SHOP_INTERVAL", 0.05)
    pids = [1]
    part = LoadPart(
        Live(), find_target=lambda: target, command="cartwheel load", shop_pid=lambda: pids[0]
    )
    async with serving_console([part]) as console:
        await console.client.put("/api/load", json=LONG, headers=console.token)
        assert part.state() is not None
        pids[0] = 2
        await until(lambda: part.state() is None, within=WITHIN)


async def test_a_load_ends_by_itself(load: LoadConsole) -> None:
    await load.put(scenario="browse", stages="0.3s:20,0.2s:20..40")
    last = await load.ended()
    assert last["text"] == "0.3s:20,0.2s:20..40"
    assert 10 <= last["sent"] + last["missed"] <= 13


async def test_another_scenario_is_another_load(load: LoadConsole) -> None:
    await load.put(**LONG)
    await until(lambda: load.state.achieved is not None, within=WITHIN)
    changed = await load.put(scenario="cart-add", rate=10, seconds=60)
    assert changed["running"]["scenario"] == "cart-add"
    await until(lambda: len(load.marks) > 2, within=WITHIN)
    assert load.marks[-1].title == "load ends"
    assert load.state.scenario == "cart-add"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "A load needs a rate, or stages."),
        ({"rate": 0}, "rate must be a number from 1 to 500 requests a second"),
        ({"rate": 501}, "rate must be a number from 1 to 500"),
        ({"rate": -1}, "rate must be a number"),
        ({"rate": 10**400}, "rate must be a number"),
        ({"rate": "50"}, "rate must be a number"),
        ({"rate": True}, "rate must be a number"),
        ({"rate": 50, "seconds": 601}, "seconds must be a number from 1 to 600"),
        ({"rate": 50, "seconds": []}, "seconds must be a number"),
        ({"rate": 50, "stages": "30s:50"}, "omit rate and seconds"),
        ({"rate": 50, "scenario": "riot"}, "There is no scenario 'riot': choose browse"),
        ({"rate": 50, "scenario": []}, "There is no scenario"),
        ({"rate": 50, "target": "http://elsewhere"}, "'target' is not part of a load"),
        ({"stages": "30s"}, "'30s' is not a stage"),
        ({"stages": 30}, "Stages are a text"),
        ({"stages": "30s:0"}, "A load needs a rate of more than 0."),
        ({"stages": "30s:501"}, "'30s:501': the rate must be at most 500"),
        ({"stages": "11m:50"}, "All stages together must not exceed 600 s"),
    ],
    ids=str,
)
def test_what_is_no_load_is_refused(body: dict[str, Any], detail: str) -> None:
    with pytest.raises(UsageError, match=re.escape(detail)):
        read_requested(body)


async def test_what_is_refused_changes_nothing(load: LoadConsole) -> None:
    await load.put(**LONG)
    status, detail = await load.refused(rate=9999)
    assert (status, detail[:4]) == (422, "rate")
    assert load.state.asked == 20


async def test_no_load_without_a_shop() -> None:
    async with load_console(None) as load:
        assert await load.refused(rate=50) == (409, "The shop does not run.")
    async with load_console("http://127.0.0.1:1") as load:
        status, detail = await load.refused(rate=50)
    assert status == 409
    assert detail.startswith("The shop does not respond at http://127.0.0.1:1")


async def test_only_with_the_token(load: LoadConsole) -> None:
    assert (await load.console.client.put("/api/load", json=LONG)).status_code in (401, 403)
    assert load.part.state() is None


async def test_failures_are_counted_and_said() -> None:
    with shop(status=500) as target:
        async with load_console(target) as load:
            await load.put(**LONG)
            await until(lambda: load.state.failed > 0, within=WITHIN)
            last = (await load.delete())["last"]
    assert not last["is_good"]
    assert f"{last['sent']} failed ({last['sent']} status 500)" in last["sentence"]


async def test_the_end_does_not_wait_for_a_shop_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_control, "END_TIMEOUT", 0.05)
    with shop(is_open=False) as target:
        async with load_console(target) as load:
            await load.put(**LONG)
            await until(lambda: load.state.achieved is not None, within=WITHIN)
            waiting = await load.delete()
            assert (waiting["running"], waiting["is_ending"]) == (None, True)
            await load.delete()
            await load.ended()
            assert not (await load.get())["is_ending"]


async def test_a_generator_that_fails_is_said(load: LoadConsole) -> None:
    await load.put(**LONG)
    await until(lambda: load.state.achieved is not None, within=WITHIN)
    [generator] = [one for one in psutil.Process().children() if "loadtest" in one.cmdline()]
    generator.kill()
    last = await load.ended()
    assert not last["is_good"]
    assert last["sentence"].startswith("The load generator failed")
    assert (load.marks[-1].title, load.marks[-1].detail) == ("load ends", last["sentence"])
    await load.put(**LONG)
    assert load.state.asked == 20


async def test_a_load_that_is_ended_at_once_says_so(load: LoadConsole) -> None:
    await load.put(**LONG)
    await load.delete()
    await load.ended()
    assert load.marks[-1].title == "load ends"


async def test_two_pages_change_it_at_once_and_there_is_one_load(load: LoadConsole) -> None:
    await asyncio.gather(*(load.put(scenario="browse", rate=rate, seconds=60) for rate in (20, 30)))
    ended = await load.delete()
    assert load.marks[0].title in ("20/s", "30/s")
    assert [mark.title for mark in load.marks].count("load ends") <= 1
    assert ended["running"] is None


async def test_the_stages_of_a_sketch_are_read_by_the_console(load: LoadConsole) -> None:
    client = load.console.client
    done = await client.get("/api/load/stages", params={"text": "1m:5, 30s:5..10"})
    assert done.json() == {
        "text": "60s:5,30s:5..10",
        "stages": [
            {"seconds": 60, "rate": 5, "end_rate": 5},
            {"seconds": 30, "rate": 5, "end_rate": 10},
        ],
    }
    assert (await client.get("/api/load/stages", params={"text": "1m"})).status_code == 422


async def test_every_shape_on_offer_is_within_the_limits(load: LoadConsole) -> None:
    shapes = (await load.get())["shapes"]
    assert [shape["name"] for shape in shapes] == ["step", "ramp", "spike", "wave", "story"]
    assert all(stage["rate"] <= 500 for shape in shapes for stage in shape["stages"])
