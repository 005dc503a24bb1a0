"""The history as a part of the console: what is published can be asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.mesh import FaultState, Frame, LoadState, Mark
from tests.console.console_server import Console, serving_console
from tests.console.synthetic import BEGIN, SyntheticSession, session
from tests.recording.test_recording import no_larger_files_than

MADE = session(120)
NOW = BEGIN + 120


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
def history(live: Live, tmp_path: Path) -> History:
    return History(live, tmp_path / "console.sqlite", now=lambda: NOW)


@pytest.fixture
async def console(history: History) -> AsyncIterator[Console]:
    async with serving_console([history]) as found:
        yield found


def publish(live: Live, made: SyntheticSession) -> None:
    for frame in made.frames:
        live.publish(frame)
    for mark in made.marks:
        live.mark(mark)


async def get(console: Console, path: str) -> httpx2.Response:
    return await console.client.get(path)


async def test_the_history_has_columns_of_equal_length_and_the_marks(
    live: Live, console: Console
) -> None:
    publish(live, MADE)

    found = (await get(console, f"/api/history?from={BEGIN}&to={NOW}&points=600")).json()

    assert found["points"]["at"] == [BEGIN + n for n in range(120)]
    assert {len(column) for column in found["points"].values()} == {120}
    assert found["points"]["desired"][30] == 7
    assert {one["title"] for one in found["marks"]} == {one.title for one in MADE.marks}
    assert (found["metric"], found["unit"]) == ("s0-prometheus", "requests/s")
    assert (found["start"], found["end"]) == (BEGIN, BEGIN + 119)


async def test_while_nothing_runs_nothing_is_kept(live: Live, console: Console) -> None:
    live.publish(Frame(BEGIN, problem="Nothing runs here."))

    assert (await get(console, "/api/history")).json()["start"] is None


async def test_what_is_shown_of_an_earlier_frame_is_not_kept_again(
    live: Live, console: Console
) -> None:
    live.publish(MADE.frames[0])
    live.publish(replace(MADE.frames[1], problem="The cluster cannot be read.", is_old=True))

    assert (await get(console, "/api/history")).json()["points"]["at"] == [BEGIN]


@pytest.mark.parametrize("read", ["points", "frames", "marks"])
def test_what_is_written_while_the_history_is_read_is_not_missed(
    live: Live, history: History, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    publish(live, MADE)
    stored = getattr(history._store, read)

    def read_and_write(start: float, end: float) -> object:
        found = stored(start, end)
        history._write()
        return found

    monkeypatch.setattr(history._store, read, read_and_write)
    found = getattr(history, read)(BEGIN, NOW)

    made = MADE.marks if read == "marks" else MADE.frames
    assert [one.at for one in found] == [one.at for one in made]


async def test_a_few_points_are_enough_for_a_small_chart(live: Live, console: Console) -> None:
    publish(live, MADE)

    found = (await get(console, f"/api/history?from={BEGIN}&to={NOW}&points=10")).json()

    assert len(found["points"]["at"]) == 10


async def test_a_frame_is_that_of_its_moment(live: Live, console: Console) -> None:
    publish(live, MADE)

    found = (await get(console, f"/api/frames?at={BEGIN + 30.5}")).json()

    assert found["at"] == BEGIN + 30
    assert found["autoscaler"]["sentence"] == MADE.frames[30].autoscaler.sentence  # type: ignore[union-attr]


@pytest.mark.parametrize("at", [BEGIN - 1, BEGIN + 500])
async def test_outside_of_the_history_a_frame_says_that_there_is_none(
    live: Live, console: Console, at: float
) -> None:
    publish(live, MADE)

    found = await get(console, f"/api/frames?at={at}")

    assert found.status_code == 200
    assert (found.json()["at"], found.json()["services"]) == (at, [])
    assert found.json()["headline"] == "Nothing was recorded then"


@pytest.mark.parametrize(
    "path",
    [
        "/api/frames",
        "/api/frames?at=now",
        "/api/frames?at=nan",
        "/api/frames?at=-5",
        "/api/history?from=1e99",
    ],
)
async def test_a_time_that_is_none_is_a_problem(console: Console, path: str) -> None:
    assert (await get(console, path)).status_code == 422


async def test_an_empty_history_is_empty(console: Console) -> None:
    found = (await get(console, "/api/history")).json()

    assert found["points"]["at"] == found["marks"] == []
    assert found["start"] is None


async def test_the_history_survives_a_restart_and_the_time_between_is_a_gap(
    tmp_path: Path,
) -> None:
    path = tmp_path / "console.sqlite"
    for begin in (BEGIN, BEGIN + 100):
        live = Live()
        history = History(live, path, now=lambda: NOW)
        async with serving_console([history]):
            publish(live, session(20, begin=begin))

    found = History(Live(), path, now=lambda: NOW)

    async with serving_console([found]) as console:
        answer = (await get(console, "/api/history")).json()
    points = answer["points"]
    assert len(points["at"]) == 41
    assert points["at"][20] == BEGIN + 20
    assert {points[name][20] for name in points if name != "at"} == {None}


CART_ENDED = "cart-hung has ended"
ON_CART = FaultState("cart-hung", "A replica of the cart hangs", ["cart-1"], 3.0)
FROM_ELSEWHERE = FaultState("", "stopped (SIGSTOP)", ["valkey"], 9.0, by="my script")


async def marks_after_a_restart(
    path: Path, *, before: Sequence[Frame | Mark], after: Frame
) -> list[tuple[float, str]]:
    """Of a console that was killed after the first ones: no part has marked an end."""
    for published in (before, [after]):
        live = Live()
        history = History(live, path, now=lambda: NOW)
        async with serving_console([history]) as console:
            await get(console, "/api/history")
            for one in published:
                live.mark(one) if isinstance(one, Mark) else live.publish(one)
    found = History(Live(), path, now=lambda: NOW).marks(BEGIN, NOW)
    return [(one.at - BEGIN, one.title) for one in found]


@pytest.mark.parametrize(
    ("before", "ends"),
    [
        ([replace(MADE.frames[5], load=LoadState("mixed", 40))], [(5, "load ends")]),
        ([replace(MADE.frames[5], faults=[ON_CART])], [(5, CART_ENDED)]),
        # What began after the last frame, and what ended then.
        (
            [MADE.frames[5], Mark(BEGIN + 5.5, "load", "40/s")],
            [(5.5, "40/s"), (5.5, "load ends")],
        ),
        (
            [replace(MADE.frames[5], faults=[ON_CART]), Mark(BEGIN + 6, "fault", CART_ENDED)],
            [(6, CART_ENDED)],
        ),
        # Another process did it, and does it still.
        ([replace(MADE.frames[5], faults=[FROM_ELSEWHERE])], []),
    ],
)
async def test_what_a_killed_console_left_open_has_ended_when_it_was_seen_last(
    tmp_path: Path, before: Sequence[Frame | Mark], ends: list[tuple[float, str]]
) -> None:
    after = replace(MADE.frames[50], load=None, faults=[FROM_ELSEWHERE])

    found = await marks_after_a_restart(tmp_path / "history", before=before, after=after)

    assert found == ends


async def test_a_mark_of_an_earlier_time_is_kept_once_and_is_no_news(
    live: Live, history: History
) -> None:
    heard: list[Mark] = []
    live.on_mark.append(heard.append)
    mark = Mark(BEGIN, "decision", "2 → 4", "20 requests/s is 20 per replica.")

    for _ in range(2):
        history.keep([mark])
        assert history.marks(BEGIN, NOW) == [mark]
        history._write()

    assert history.marks(BEGIN, NOW) == [mark]
    assert heard == []


async def test_with_a_full_disk_the_console_goes_on_and_says_so(
    live: Live, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cartwheel.console.history.history.WRITE_INTERVAL", 0.01)
    with no_larger_files_than(0):
        async with serving_console([history]) as console:
            publish(live, MADE)
            frames = live.frames()
            problem = ""
            while "history cannot be written" not in problem:
                problem = (await anext(frames)).problem
            answer = await get(console, f"/api/frames?at={BEGIN + 30}")

    assert answer.json()["at"] == BEGIN + 30


async def test_what_could_not_be_written_is_written_later(
    live: Live, history: History, tmp_path: Path
) -> None:
    mark = Mark(BEGIN, "load", "load 40/s")
    live.mark(mark)
    live.publish(MADE.frames[0])
    with no_larger_files_than(0):
        history._write()

    history._write()

    later = History(Live(), tmp_path / "console.sqlite", now=lambda: NOW)
    assert later.span() == (BEGIN, BEGIN)
    assert later.marks(BEGIN, BEGIN) == [mark]
