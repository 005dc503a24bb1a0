"""A recording that is shown has what was to be seen then, and the same sentences."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from cartwheel.console.sessions.recorded_decisions import NO_FRAMES
from cartwheel.console.sessions.recorded_session import RecordedSession
from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation
from tests.console.sessions.files import explained, made, record
from tests.console.synthetic import BEGIN, session

MADE = made()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("recorded") / "session.jsonl", MADE.entries)


@pytest.fixture(scope="module")
def recorded(path: Path) -> Iterator[RecordedSession]:
    with RecordedSession(path) as found:
        yield found


def texts(explanation: Explanation) -> list[str]:
    return [one.text for one in (*explanation.sentences, *explanation.outlook)]


def test_it_has_each_frame_and_mark_of_its_time(recorded: RecordedSession) -> None:
    archive = recorded.archive
    frame = archive.frame_at(BEGIN + 30.7)

    assert recorded.span() == (BEGIN, BEGIN + 179)
    assert frame
    assert json.loads(frame.json)["headline"] == MADE.frames[30].headline
    assert archive.frame_at(BEGIN - 1) is None
    assert [one.at for one in archive.frames(BEGIN + 5, BEGIN + 7)] == [
        BEGIN + n for n in (5, 6, 7)
    ]
    assert [one.desired for one in archive.points(BEGIN + 19, BEGIN + 21)] == [2, 7, 7]
    assert list(archive.marks(BEGIN, BEGIN + 179)) == MADE.marks


@pytest.mark.parametrize("seconds", [0, 20, 25, 70, 125, 139, 154, 179])
def test_a_moment_is_explained_as_by_the_command(
    recorded: RecordedSession, path: Path, seconds: int
) -> None:
    at = BEGIN + seconds

    assert texts(recorded.explanation(at)) == explained(path, at)


def test_many_moments_are_explained_as_each_of_them(recorded: RecordedSession) -> None:
    moments = [BEGIN - 1, BEGIN, BEGIN + 20.5, BEGIN + 125, BEGIN + 154, BEGIN + 300]

    found = dict(recorded.explanations(moments))

    assert found == {at: recorded.explanation(at) for at in moments[1:]}


def test_before_the_first_decision_there_is_nothing_to_explain(recorded: RecordedSession) -> None:
    with pytest.raises(CommandError, match="No autoscaler had decided anything by then"):
        recorded.explanation(BEGIN - 1)


def test_a_recording_of_the_autoscaler_alone_shows_it_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "autoscaling.jsonl", MADE.autoscaler_entries)

    with RecordedSession(path) as found:
        stored = found.archive.frame_at(BEGIN + 30)
        titles = [one.title for one in found.archive.marks(BEGIN, BEGIN + 179)]
        span = found.span()

    assert stored
    frame = json.loads(stored.json)
    assert frame["problem"] == NO_FRAMES
    assert frame["services"] == []
    autoscaler = frame["autoscaler"]
    assert (autoscaler["desired"], autoscaler["ready"], autoscaler["serving"]) == (7, 7, 7)
    assert (autoscaler["value"], autoscaler["target"]) == (18.2, 20.0)
    assert autoscaler["arrivals"] == 127.4
    assert titles == ["2 → 7", "7 → 4", "4 → 2"]
    assert span == (BEGIN, BEGIN + 179)


def test_several_sessions_in_one_file_are_each_explained_by_their_own(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    record(path, MADE.entries)
    record(path, session(30, begin=BEGIN + 1000).entries)

    with RecordedSession(path) as found:
        for at in (BEGIN + 150, BEGIN + 1025):
            assert texts(found.explanation(at)) == explained(path, at)
        assert found.span() == (BEGIN, BEGIN + 1029)


def test_after_a_clock_was_set_back_what_follows_counts(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    record(path, session(30, begin=BEGIN + 20).entries)
    record(path, session(10, begin=BEGIN + 30).entries)

    with RecordedSession(path) as found:
        assert found.span() == (BEGIN + 20, BEGIN + 39)
        assert len(found.archive.points(BEGIN, BEGIN + 100)) == 20


def test_an_unfinished_last_line_is_skipped(tmp_path: Path) -> None:
    path = record(tmp_path / "session.jsonl", MADE.entries)
    with path.open("ab") as file:
        file.write(b'{"at":1790000180.0,"frame":{"at":17')

    with RecordedSession(path) as found:
        assert found.span() == (BEGIN, BEGIN + 179)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has neither a frame nor a decision"),
        ("apiVersion: v1\n", "session.jsonl:1: is no entry of a recording"),
        ('{"at":1.0,"frame":{},"type":"Framed"}\n', "is no entry of a recording: Framed.frame.at"),
        ('{"at":1.0,"type":"Synced"}\n', "has neither a frame nor a decision"),
    ],
)
def test_a_file_that_shows_nothing_is_refused_in_one_line(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(content)

    with pytest.raises(CommandError, match=problem) as caught:
        RecordedSession(path)

    assert "\n" not in str(caught.value)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recording"):
        RecordedSession(tmp_path / "none.jsonl")


def test_of_a_large_file_only_places_are_in_memory(tmp_path: Path) -> None:
    path = record(tmp_path / "session.jsonl", MADE.entries)
    lines = path.read_bytes()
    with path.open("ab") as file:
        for _ in range(20):
            file.write(lines)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    RecordedSession(path).close()

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert path.stat().st_size > 20_000_000
    assert grown < 10_000  # KB
