import re
from pathlib import Path

import pytest

from cartwheel.errors import UsageError
from cartwheel.simulation.load_shape import from_points, parse_stages, read_csv


def test_stages_follow_each_other() -> None:
    shape = parse_stages("30s:50, 1m:400")
    assert (shape.start, shape.end, shape.peak) == (0, 90, 400)
    assert [shape.rate_at(at)[0] for at in (0, 29.9, 30, 89)] == [50, 50, 400, 400]
    assert shape.arrived(90) == 30 * 50 + 60 * 400


def test_a_ramp_brings_what_its_mean_brings() -> None:
    shape = parse_stages("10s:0..100")
    assert shape.arrived(10) == pytest.approx(500)
    assert shape.rate_at(0.5)[0] < shape.rate_at(9.5)[0] < 100


def test_before_the_start_the_first_rate_held() -> None:
    shape = parse_stages("10s:7,10s:9")
    assert shape.arrived(-10) == -70


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30s",
        "30s:x",
        "30x:5",
        "0s:5",
        "30s:-5",
        "30s:5..",
        "30s:nan",
        "30s:1_000",
        "30s:1e3",
        "30s:5,,",
    ],
)
def test_what_is_no_stage_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_stages(text)


def test_a_file_has_seconds_or_times_of_day(tmp_path: Path) -> None:
    file = tmp_path / "load.csv"
    file.write_text("time,rate\n2026-11-26T10:00:00Z,5\n\n2026-11-26T10:00:15Z,9.5\n")
    shape = read_csv(file)
    assert (shape.end - shape.start, shape.rates) == (30, [5, 9.5])


def test_a_first_line_with_a_byte_order_mark_counts(tmp_path: Path) -> None:
    file = tmp_path / "load.csv"
    file.write_text("\ufeff0,5000\n15,7\n", encoding="utf-8")
    assert read_csv(file).rates == [5000, 7]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("time,rate\n0,5\n15,many\n", "load.csv:3"),
        ("1O,5000\n20,5\n30,5\n", "load.csv:1"),
        ("time,5000\n20,5\n30,5\n", "load.csv:1"),
        ("0,5\n15,-1\n", "load.csv:2"),
        ("0,5\n15,nan\n", "load.csv:2"),
        (
            "1790000015,5\n\n1790000000,5\n",
            "load.csv:3: '1790000000,5' is not later than 1790000015",
        ),
        ("0,5\n15\n", "load.csv:2"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "load.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=re.escape(place)):
        read_csv(file)


@pytest.mark.parametrize(
    "points", [[], [(0.0, 1.0)], [(0.0, 1.0), (0.0, 2.0)], [(1.0, 1.0), (0.0, 2.0)]]
)
def test_times_must_rise(points: list[tuple[float, float]]) -> None:
    with pytest.raises(UsageError):
        from_points(points)
