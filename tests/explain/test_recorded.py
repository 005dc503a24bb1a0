"""A recorded session is explained as of any of its moments."""

from datetime import datetime
from pathlib import Path

import pytest

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.times import parse_time
from cartwheel.recording import Recorder, ReplicasChanged
from tests.explain.sessions import record

NOON = datetime(2026, 3, 2, 12, 0, 0).astimezone().timestamp()
RATES = [30, 30, 141, 141, 90, 90, None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    record(tmp_path / "session.jsonl", RATES, begin=NOON)
    return tmp_path / "session.jsonl"


def explained(path: Path, at: str | None = None) -> Explanation:
    (found,) = explain_recorded(path, at=None if at is None else parse_time(at))
    return found


def texts(found: Explanation) -> list[str]:
    return [one.text for one in (*found.sentences, *found.outlook)]


def test_the_last_sync_before_the_time_is_explained(path: Path) -> None:
    found = explained(path, "12:00:12")

    assert found.title == "scaledobject/cart"
    assert found.at == NOON + 10
    assert "from 2 to 7 replicas" in found.sentences[0].text
    assert any("70.5 requests/s per replica" in text for text in texts(found))


def test_the_seconds_left_are_counted_from_that_time(path: Path) -> None:
    found = texts(explained(path, "12:00:23"))

    assert "With the same load (90 requests/s in all) it shrinks to 5 after 12 s." in found


def test_without_a_time_the_end_is_explained(path: Path) -> None:
    found = explained(path)

    assert found.at == NOON + 30
    assert any("no response" in text for text in texts(found))
    assert found.outlook == []


def test_each_session_begins_with_no_memory(path: Path) -> None:
    record(path, [30], begin=NOON + 31)

    assert "With the same load (30 requests/s in all) it stays at 2 replicas." in texts(
        explained(path)
    )


def test_a_time_outside_the_recording_is_an_error_with_its_bounds(path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        explained(path, "11:59")

    assert str(caught.value) == (
        "The recording has no decision at 11:59:00: it begins at 2026-03-02 12:00:00 and ends at "
        "2026-03-02 12:00:30."
    )


def test_an_autoscaler_that_is_not_in_the_recording_is_an_error(path: Path) -> None:
    with pytest.raises(UsageError, match="knows cart, not web"):
        explain_recorded(path, name="web")


def test_a_file_that_is_no_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recording"):
        explain_recorded(tmp_path / "absent.jsonl")


def test_a_recording_without_a_decision_is_an_error(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "load.jsonl")
    recorder.record(ReplicasChanged(NOON, "cart", 1, 1, 1, 1))
    recorder.close()

    with pytest.raises(CommandError, match="has no decision yet"):
        explain_recorded(tmp_path / "load.jsonl")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12:00", "2026-03-02T12:00:00"),
        ("9:05:07", "2026-03-02T09:05:07"),
        ("23:59:59", "2026-03-01T23:59:59"),
        ("2026-02-28T10:00:00", "2026-02-28T10:00:00"),
    ],
)
def test_a_time_of_day_is_the_last_one_before_the_end(text: str, found: str) -> None:
    moment = parse_time(text).latest_before(NOON + 30)

    assert moment == datetime.fromisoformat(found).astimezone().timestamp()


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "12:60", "12", "2026-13-01T00:00:00", "0001-01-01"]
)
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_time(text)
