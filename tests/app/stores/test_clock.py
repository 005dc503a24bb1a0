"""The time that all users of a store agree on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.stores.clock import (
    StoreClock,
    in_milliseconds,
    machine_clock,
    moment,
    moment_in_json,
)
from app.stores.database import Database
from app.stores.errors import StoreUnavailable
from app.telemetry.metrics import Metrics
from tests.support.clock_skew import SKEW, skewed_clock


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def ask(clock: StoreClock, stopwatch: Stopwatch, answer: int, *, seconds: float) -> None:
    since = clock.start_reading()
    stopwatch.seconds += seconds
    clock.set(answer, since=since)


@pytest.mark.fault(32, store="postgres")
async def test_the_servers_clock_counts_and_not_the_machines(
    postgres_url: str, metrics: Metrics
) -> None:
    right = machine_clock()
    with skewed_clock():
        assert machine_clock() >= right + SKEW * 1000
        async with Database(postgres_url, metrics=metrics) as database:
            assert abs(database.clock() - right) < 60_000


async def test_a_new_connection_sets_the_clock(postgres_url: str, metrics: Metrics) -> None:
    database = Database(postgres_url, metrics=metrics)
    with pytest.raises(StoreUnavailable):
        database.clock()
    await database.ping()
    assert abs(database.clock() - machine_clock()) < 60_000
    await database.__aexit__(None, None, None)


async def test_a_store_that_is_down_has_no_time_and_does_not_prevent_a_start(
    metrics: Metrics,
) -> None:
    async with Database("postgresql://127.0.0.1:1/none", metrics=metrics) as database:
        with pytest.raises(StoreUnavailable):
            database.clock()


async def test_sqlite_uses_the_machines_clock(sqlite_url: str, metrics: Metrics) -> None:
    async with Database(sqlite_url, metrics=metrics) as database:
        assert abs(database.clock() - machine_clock()) < 60_000


def test_the_clock_runs_on_between_two_readings() -> None:
    stopwatch = Stopwatch()
    clock = StoreClock(monotonic=stopwatch)
    ask(clock, stopwatch, 5_000, seconds=0)
    stopwatch.seconds += 2.5
    assert clock() == 7_500


def test_the_clock_follows_a_server_that_sets_its_own() -> None:
    stopwatch = Stopwatch()
    clock = StoreClock(monotonic=stopwatch)
    ask(clock, stopwatch, 5_000, seconds=0)
    ask(clock, stopwatch, 4_000, seconds=0)
    assert clock() == 4_000


def test_a_slow_reading_is_assumed_half_as_old_as_possible_and_replaces_no_quick_one() -> None:
    stopwatch = Stopwatch()
    clock = StoreClock(monotonic=stopwatch)
    ask(clock, stopwatch, 5_000, seconds=2)
    assert clock() == 6_000
    ask(clock, stopwatch, 9_000, seconds=0.2)
    assert clock() == 9_100
    ask(clock, stopwatch, 20_000, seconds=2)
    assert clock() == 11_100


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime(1000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
LAST = (datetime(9999, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
IN_2109 = 2**42


@given(st.integers(FIRST, LAST))
def test_milliseconds_come_back_from_a_point_in_time_as_they_were(milliseconds: int) -> None:
    assert in_milliseconds(moment(milliseconds)) == milliseconds


@given(st.integers(0, IN_2109))
def test_a_point_in_time_is_exact(milliseconds: int) -> None:
    assert moment(milliseconds) == EPOCH + timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("milliseconds", [0, 1, 1_764_137_532_000, 1_764_137_532_120])
def test_a_moment_in_json_is_what_pydantic_writes(milliseconds: int) -> None:
    written = TypeAdapter(datetime).dump_json(moment(milliseconds)).decode()
    assert written == f'"{moment_in_json(milliseconds)}"'
