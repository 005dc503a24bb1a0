"""Changes of a load, as lines."""

import json

import pytest

from loadtest.arrivals import Stage
from loadtest.changes import Change, InvalidChange, from_line, to_line

CHANGES = [
    Change([Stage.constant(80, seconds=300)], shoppers=80),
    Change([Stage(0.5, 0, 33.25), Stage.constant(7, seconds=1)]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_written_is_read_again(change: Change) -> None:
    assert from_line(to_line(change)) == change


def test_the_number_of_shoppers_may_be_absent() -> None:
    assert from_line('{"stages": "5m:80"}') == Change([Stage.constant(80, seconds=300)])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "80",
        "[]",
        "null",
        "{",
        "{}",
        "[" * 100_000,
        json.dumps({"stages": 80}),
        json.dumps({"stages": "80"}),
        json.dumps({"stages": "5m:nan"}),
        json.dumps({"stages": "5m:80", "shoppers": 0}),
        json.dumps({"stages": "5m:80", "shoppers": True}),
        json.dumps({"stages": "5m:80", "shoppers": "9"}),
    ],
    ids=lambda line: line[:60],
)
def test_what_is_no_change_is_refused(line: str) -> None:
    with pytest.raises(InvalidChange):
        from_line(line)
