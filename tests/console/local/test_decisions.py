"""What the page says of a moment is what `cartwheel explain --at` says of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from cartwheel.console.autoscaler_state import ReplicaCounts, autoscaler_state
from cartwheel.console.local.decisions import Decisions
from cartwheel.errors import CommandError
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.times import TimeOfDay
from cartwheel.local.state_folder import StateFolder
from cartwheel.recording import AutoscalerChanged, Entry, Recorder, SessionStarted
from cartwheel.recording.recorder import earlier_file
from tests.console.synthetic import BEGIN, session

MADE = session(120)
Reader = Callable[..., Decisions]
CHANGED_AT = BEGIN + 60.5


def changed_session() -> list[Entry]:
    """Its target is another one after a minute. (Decisions are those of the old target.)"""
    entries = MADE.autoscaler_entries
    start = entries[0]
    assert isinstance(start, SessionStarted)
    change = AutoscalerChanged(
        CHANGED_AT, replace(start.autoscaler, max_replicas=9), start.units, "maxReplicaCount: 9"
    )
    early = [one for one in entries if one.at < CHANGED_AT]
    return [*early, change, *entries[len(early) :]]


def record(folder: Path, entries: Sequence[Entry], *, max_size: int = 10**9) -> StateFolder:
    state = StateFolder(folder)
    recorder = Recorder(state.recording, max_size=max_size)
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return state


@pytest.fixture
def reader_of() -> Iterator[Reader]:
    opened = []

    def read(state: StateFolder, *, kept: float = 900.0) -> Decisions:
        decisions = Decisions(state, kept=kept)
        opened.append(decisions)
        decisions.read_earlier()
        return decisions

    yield read
    for decisions in opened:
        decisions.close()


@pytest.mark.parametrize("at", [BEGIN + 3.0, BEGIN + 25.0, BEGIN + 25.7, BEGIN + 70.0])
@pytest.mark.parametrize("kept", [900.0, 20.0])
def test_a_moment_is_explained_as_by_the_command(
    tmp_path: Path, reader_of: Reader, at: float, kept: float
) -> None:
    """Also one from before the syncs that are kept."""
    state = record(tmp_path, changed_session())
    moment = datetime.fromtimestamp(at).astimezone()
    expected = explain_recorded(state.recording, at=TimeOfDay(moment.time(), moment))
    decisions = reader_of(state, kept=kept)
    assert [decisions.explanation(at) or decisions.recorded_explanation(at)] == expected


def test_decisions_while_no_console_ran_are_marked_once_it_starts(tmp_path: Path) -> None:
    """Also those of earlier consoles, and these as they were marked then."""
    state = record(tmp_path, MADE.autoscaler_entries)
    decided = [one for one in MADE.marks if one.kind == "decision"]
    live, found = Decisions(state), Decisions(state)
    with closing(live), closing(found):
        marked = list(live.read_new())  # while it is written
        earlier = found.read_earlier()
        assert [(one.at, one.title) for one in earlier] == [(one.at, one.title) for one in decided]
        assert earlier == marked
        assert list(found.read_new()) == []


def test_a_recording_that_went_on_in_a_new_file_is_read_from_the_start_of_the_session(
    tmp_path: Path, reader_of: Reader
) -> None:
    state = record(tmp_path, MADE.autoscaler_entries, max_size=150_000)
    assert earlier_file(state.recording).exists()
    whole = reader_of(record(tmp_path / "..", MADE.autoscaler_entries))
    at = MADE.autoscaler_entries[-1].at
    found, expected = reader_of(state).explanation(at), whole.explanation(at)
    assert found is not None
    assert expected is not None
    assert found.outlook == expected.outlook


def test_a_decision_that_changes_the_count_is_a_mark_that_says_why(
    tmp_path: Path, reader_of: Reader
) -> None:
    state = record(tmp_path, MADE.autoscaler_entries[:1])
    decisions = reader_of(state)
    record(tmp_path, MADE.autoscaler_entries[1:])
    marks = list(decisions.read_new())
    assert [one.title for one in marks] == ["2 → 7"]
    assert {one.kind for one in marks} == {"decision"}
    assert "requests/s is" in marks[0].detail
    assert marks[0].detail.endswith("(target 20).")


def test_what_was_decided_before_the_console_began_is_no_new_mark(
    tmp_path: Path, reader_of: Reader
) -> None:
    assert list(reader_of(record(tmp_path, MADE.autoscaler_entries)).read_new()) == []


def test_the_state_has_the_metric_in_its_unit_and_what_the_replicas_can_serve(
    tmp_path: Path, reader_of: Reader
) -> None:
    decided = reader_of(record(tmp_path, MADE.autoscaler_entries)).latest(since=0.0)
    assert decided is not None
    state = autoscaler_state(decided, ReplicaCounts(7, 6, 5), arrivals=130.0)
    assert (state.title, state.service) == ("scaledobject/cart", "cart")
    assert (state.unit, state.target, state.capacity) == ("requests/s", 20.0, 120.0)
    assert state.value is not None
    assert decided.decision is not None
    assert state.value * decided.decision.current == pytest.approx(130.0, rel=0.2)
    assert state.sentence.startswith("Deployment cart ")


def test_a_session_of_an_earlier_run_says_nothing_of_this_one(
    tmp_path: Path, reader_of: Reader
) -> None:
    assert reader_of(record(tmp_path, MADE.autoscaler_entries)).latest(since=BEGIN + 1000) is None


def test_after_a_change_nothing_is_decided_yet(tmp_path: Path, reader_of: Reader) -> None:
    entries = [one for one in changed_session() if one.at <= CHANGED_AT]
    decided = reader_of(record(tmp_path, entries)).latest(since=0.0)
    assert decided is not None
    assert decided.decision is None
    assert autoscaler_state(decided, ReplicaCounts(2, 2, 2), arrivals=None).max == 9


def test_without_a_decision_there_is_no_explanation(tmp_path: Path, reader_of: Reader) -> None:
    decisions = reader_of(StateFolder(tmp_path))
    for explain in (lambda: decisions.explanation(None), lambda: decisions.recorded_explanation(1)):
        with pytest.raises(CommandError, match="decided nothing yet"):
            explain()
