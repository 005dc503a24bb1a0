"""A saved session is a recording: what explained the shop then explains it now."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from cartwheel.autoscaling.changes import changed
from cartwheel.autoscaling.keda import autoscaler_of
from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.console.sessions.routes import SessionFiles
from cartwheel.console.sessions.session_file import session_lines
from cartwheel.errors import CommandError
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    Framed,
    Marked,
    SessionStarted,
    Synced,
    read_recording,
)
from cartwheel.simulation.replay import load_of
from cartwheel.simulation.replay import replay as replayed
from tests.console.console_server import Console, serving_console
from tests.console.sessions.files import explained, made, record
from tests.console.synthetic import BEGIN, SyntheticSession, session

MADE = made(200)
END = BEGIN + 199
# In the middle of a scale-down, which the stabilization window delays.
MIDDLE = BEGIN + 130


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "autoscaling.jsonl"
    record(path, MADE.autoscaler_entries)
    return path


@pytest.fixture
def history(tmp_path: Path) -> History:
    return published(MADE, tmp_path)


def published(made: SyntheticSession, folder: Path) -> History:
    live = Live()
    found = History(live, folder / "console.sqlite", now=lambda: END)
    for frame in made.frames:
        live.publish(frame)
    for mark in made.marks:
        live.mark(mark)
    return found


def save(
    folder: Path, history: History, recording: Path, start: float = BEGIN, end: float = END
) -> Path:
    path = folder / "session.jsonl"
    path.write_bytes(b"".join(session_lines(history, recording, start=start, end=end)))
    return path


def test_a_saved_session_has_everything_of_its_time_in_order(
    tmp_path: Path, history: History, recording: Path
) -> None:
    path = save(tmp_path, history, recording, MIDDLE, MIDDLE + 60)

    start, *entries = read_recording(path)

    assert isinstance(start, SessionStarted)
    times = [one.at for one in entries]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (MIDDLE - 1, MIDDLE + 60)
    frames = [one.frame for one in entries if isinstance(one, Framed)]
    assert [one.at for one in frames] == [MIDDLE + n for n in range(61)]
    marks = [one.mark for one in entries if isinstance(one, Marked)]
    assert marks == [one for one in MADE.marks if MIDDLE <= one.at <= MIDDLE + 60]
    assert len([one for one in entries if isinstance(one, Synced)]) == 62


def test_each_moment_is_explained_as_in_the_whole_recording(
    tmp_path: Path, history: History, recording: Path
) -> None:
    path = save(tmp_path, history, recording, MIDDLE)

    for seconds in (0, 9, 11, 25, 60):
        at = MIDDLE + seconds
        assert explained(path, at) == explained(recording, at)


def test_its_decisions_repeat_and_it_has_the_load(
    tmp_path: Path, history: History, recording: Path
) -> None:
    path = save(tmp_path, history, recording, MIDDLE)

    assert replayed(read_recording(path)).differences == []
    assert load_of(read_recording(path)).shape.start == MIDDLE - 1


def test_a_change_before_its_start_is_in_force(tmp_path: Path, history: History) -> None:
    path = tmp_path / "autoscaling.jsonl"
    record(path, with_change(MADE.autoscaler_entries, at=MIDDLE - 40))

    start, *_ = read_recording(save(tmp_path, history, path, MIDDLE))

    assert isinstance(start, SessionStarted)
    assert (start.autoscaler.max_replicas, start.manifest) == (5, "the edited one")
    assert explained(tmp_path / "session.jsonl", MIDDLE + 30) == explained(path, MIDDLE + 30)
    assert replayed(read_recording(tmp_path / "session.jsonl")).differences == []


def with_change(entries: Iterable[Entry], *, at: float) -> list[Entry]:
    """The same session, of which the autoscaler's maximum is 5 from a moment on."""
    started, *rest = entries
    assert isinstance(started, SessionStarted)
    edited = replace(started.autoscaler, max_replicas=5)
    change = AutoscalerChanged(at, edited, started.units, "the edited one")
    engine = autoscaler_of(started.autoscaler, started.options)
    before = [one for one in rest if one.at < at]
    for one in before:
        if isinstance(one, Synced):
            engine.sync(one.observation)
    engine = changed(engine, edited)
    after = [
        replace(one, decision=engine.sync(one.observation)) if isinstance(one, Synced) else one
        for one in rest
        if one.at >= at
    ]
    return [started, *before, change, *after]


def test_a_recording_that_goes_on_in_a_new_file_is_one_session(
    tmp_path: Path, history: History
) -> None:
    path = tmp_path / "autoscaling.jsonl"
    record(path, MADE.autoscaler_entries, max_size=400_000)
    assert (tmp_path / "autoscaling.jsonl.1").exists()

    saved = save(tmp_path, history, path, MIDDLE)

    starts = [one for one in read_recording(saved) if isinstance(one, SessionStarted)]
    assert len(starts) == 1
    assert replayed(read_recording(saved)).differences == []


def test_without_an_autoscaler_a_session_has_its_frames(tmp_path: Path, history: History) -> None:
    path = save(tmp_path, history, tmp_path / "none.jsonl", MIDDLE, MIDDLE + 5)

    assert [type(one) for one in read_recording(path)] == [Framed] * 6


def test_an_autoscaler_of_an_earlier_run_is_not_in_force(
    tmp_path: Path, history: History, recording: Path
) -> None:
    later = session(10, begin=END + 600)
    other = tmp_path / "later"
    other.mkdir()

    path = save(tmp_path, published(later, other), recording, END + 600, END + 610)

    assert not any(isinstance(one, SessionStarted) for one in read_recording(path))


def test_a_time_without_anything_is_no_session(
    tmp_path: Path, history: History, recording: Path
) -> None:
    with pytest.raises(CommandError, match="Nothing was recorded in that time"):
        save(tmp_path, history, recording, END + 1000, END + 1010)


@pytest.fixture
async def console(history: History, recording: Path) -> AsyncIterator[Console]:
    async with serving_console([history, SessionFiles(history, recording)]) as found:
        yield found


async def test_the_console_gives_a_session_as_a_file_with_a_clear_name(
    console: Console, tmp_path: Path
) -> None:
    found = await console.client.get(f"/api/recording?from={MIDDLE}&to={MIDDLE + 30}")

    assert found.status_code == 200
    assert found.headers["content-disposition"].startswith('attachment; filename="cartwheel-2026-')
    path = tmp_path / "session.jsonl"
    path.write_bytes(found.content)
    assert replayed(read_recording(path)).differences == []


async def test_a_time_in_a_gap_is_a_problem_and_no_broken_file(
    console: Console, history: History
) -> None:
    history._add_frame(session(1, begin=END + 600).frames[0])

    found = await console.client.get(f"/api/recording?from={END + 100}&to={END + 200}")

    assert found.status_code == 409
    assert found.json()["detail"] == "Nothing was recorded in that time."


@pytest.mark.parametrize(
    ("query", "status"), [("from=1&to=2", 422), ("from=x", 422), (f"from={END + 5}", 422)]
)
async def test_a_time_that_was_not_recorded_is_a_problem(
    console: Console, query: str, status: int
) -> None:
    assert (await console.client.get(f"/api/recording?{query}")).status_code == status
