"""When requests are due, and how stages are written."""

import math

import pytest

from loadtest.arrivals import InvalidStages, Schedule, Stage, parse_stages, written


def due_times(schedule: Schedule) -> list[float]:
    times = []
    while schedule.next_due < math.inf:
        times.append(schedule.next_due)
        schedule.advance()
    return times


def test_a_constant_rate_is_evenly_spaced() -> None:
    schedule = Schedule([Stage.constant(4, seconds=1)], starts_at=100)
    assert due_times(schedule) == [100, 100.25, 100.5, 100.75]


def test_stages_follow_one_another() -> None:
    schedule = Schedule(parse_stages("2s:1,1s:2,1s:0,1s:1"), starts_at=0)
    assert due_times(schedule) == [0, 1, 2, 2.5, 4]


@pytest.mark.parametrize(("text", "early", "late"), [("10s:0..20", 25, 75), ("10s:20..0", 75, 25)])
def test_a_ramp_sends_most_where_it_is_steepest(text: str, early: int, late: int) -> None:
    times = due_times(Schedule(parse_stages(text), starts_at=0))
    assert sum(time < 5 for time in times) == pytest.approx(early, abs=1)
    assert sum(time >= 5 for time in times) == pytest.approx(late, abs=1)
    assert times == sorted(times)


def test_the_rate_of_a_ramp_changes_with_time() -> None:
    schedule = Schedule(parse_stages("10s:50..150,10s:7"), starts_at=100)
    assert [schedule.rate_at(now) for now in (100, 105, 115, 120)] == [50, 100, 7, 0]


def test_a_change_of_the_rate_keeps_what_was_waited_of_the_next_arrival() -> None:
    slow = Schedule([Stage.constant(0.1, seconds=100)], starts_at=0)
    slow.advance()
    left = slow.left_until_next(5.0)
    assert left == pytest.approx(0.5)
    quick = Schedule([Stage.constant(10, seconds=1)], starts_at=5.0, first=left)
    assert quick.next_due == pytest.approx(5.05)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("30s:50", [Stage(30, 50, 50)]),
        ("1m:50..400, 0.5h:1", [Stage(60, 50, 400), Stage(1800, 1, 1)]),
        ("10:0..2.5", [Stage(10, 0, 2.5)]),
        ("500ms:4", [Stage(0.5, 4, 4)]),
    ],
)
def test_stages_are_written_as_duration_and_rate(text: str, stages: list[Stage]) -> None:
    assert parse_stages(text) == stages


@pytest.mark.parametrize("text", ["30s:50", "60s:50..400,0.5s:0", "0.001s:12.25,100s:5000"])
def test_stages_are_written_as_they_are_read(text: str) -> None:
    assert written(parse_stages(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is not a stage: write DURATION:RATE"),
        ("30s", "'30s' is not a stage"),
        ("30s:50,,", "'' is not a stage"),
        ("30s:-5", "'30s:-5' is not a stage"),
        ("0s:50", "'0s:50': a stage lasts at least 0.001 s"),
        ("0.0000001s:5", "'0.0000001s:5': a stage lasts at least 0.001 s"),
        ("1s:5..9999", "the rate must be at most 5000"),
        ("1h:1,1s:1", "all stages together must not exceed 3600 s"),
    ],
)
def test_what_is_no_stage_is_named(text: str, reason: str) -> None:
    with pytest.raises(InvalidStages, match=reason):
        parse_stages(text)
