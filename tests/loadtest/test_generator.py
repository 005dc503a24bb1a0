"""The load generator: what it counts, and what it does when the target goes away."""

import asyncio
import socket
import time

import pytest

from loadtest.arrivals import Stage
from loadtest.generator import Generator, usual_shoppers
from loadtest.messages import Exchange, Response
from loadtest.statistics import TIMEOUT, LoadStatistics
from tests.loadtest.fake_shop import shop
from tests.support.waiting import until

WITHIN = 20.0


def statistics(*durations: float, failed: int = 0, missed: int = 0) -> LoadStatistics:
    made = LoadStatistics()
    for seconds in durations:
        made.record_response(Response(200), seconds)
    for _ in range(failed):
        made.record_response(Response(0, error="refused"), 0.001)
    made.record_missed(missed)
    return made


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.02), (0.75, 0.03), (0.95, 0.04), (0, 0.01)])
def test_a_share_of_the_durations_does_not_exceed_the_quantile(
    share: float, seconds: float
) -> None:
    found = statistics(0.01, 0.02, 0.03, 0.04).quantile(share)
    assert found == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("what", ["failed", "missed"])
def test_a_failed_or_missed_request_counts_as_the_timeout(what: str) -> None:
    made = statistics(*[0.01] * 90, **{what: 10})
    assert made.quantile(0.5) == pytest.approx(0.01, rel=0.01)
    assert made.quantile(0.95) == TIMEOUT


def test_a_rejection_is_a_response() -> None:
    made = LoadStatistics()
    made.record_response(Response(409), 0.01)
    assert (made.failed, made.responses, made.quantile(0.95)) == (0, 1, 0.01)


def test_failures_are_counted_by_kind() -> None:
    made = statistics(failed=2)
    made.record_response(Response(503), 0.01)
    assert made.failures == {"refused": 2, "503": 1}
    assert made.responses == 1


async def test_it_goes_on_while_the_target_is_away_and_resumes_when_it_is_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    load = Generator(f"http://127.0.0.1:{port}", scenario="browse", shoppers=8)
    running = asyncio.create_task(load.run([Stage.constant(200, seconds=WITHIN)]))
    seen = load.statistics
    await until(lambda: _more_than(seen.failures["refused"], 10), within=WITHIN)
    with shop(port=port):
        await until(lambda: _more_than(seen.statuses[200], 10), within=WITHIN)
    failed = seen.failed
    await until(lambda: _more_than(seen.failed, failed + 10), within=WITHIN)
    with shop(port=port):
        served = seen.statuses[200]
        await until(lambda: _more_than(seen.statuses[200], served + 10), within=WITHIN)
        load.stop()
        await running
    assert seen.sent == seen.statuses.total()


async def _more_than(number: int, limit: int) -> bool:
    return number > limit


async def test_no_more_requests_wait_than_there_are_shoppers_and_the_others_are_counted() -> None:
    with shop(is_open=False) as target:
        load = Generator(target, scenario="browse", shoppers=3)
        running = asyncio.create_task(load.run([Stage.constant(100, seconds=WITHIN)]))
        await until(lambda: _more_than(load.statistics.missed, 10), within=WITHIN)
        assert (load.in_flight, load.statistics.sent) == (3, 3)
        running.cancel()
        await asyncio.wait([running])


async def test_a_request_that_is_given_up_in_flight_is_an_exchange_without_a_response() -> None:
    exchanges: list[Exchange] = []
    with shop(is_open=False) as target:
        load = Generator(target, scenario="browse", shoppers=2, on_exchange=exchanges.append)
        running = asyncio.create_task(load.run([Stage.constant(100, seconds=WITHIN)]))
        await until(lambda: _more_than(load.in_flight, 1), within=WITHIN)
        running.cancel()
        await asyncio.wait([running])
        await until(lambda: _more_than(len(exchanges), 1), within=WITHIN)
    assert {one.shopper for one in exchanges} == {0, 1}
    assert [one.response for one in exchanges] == [Response(0, error="given_up")] * 2
    assert all(one.called_at < one.returned_at for one in exchanges)


async def test_a_change_takes_effect_at_once_and_without_a_burst() -> None:
    with shop() as target:
        load = Generator(target, scenario="browse", shoppers=200)
        running = asyncio.create_task(load.run([Stage.constant(0.1, seconds=WITHIN)]))
        await until(lambda: _more_than(load.statistics.statuses[200], 0), within=WITHIN)
        changed_at = time.monotonic()
        load.set_rate(100, seconds=0.3)
        await running
        seconds = time.monotonic() - changed_at
    assert seconds < WITHIN / 2
    due = load.statistics.sent + load.statistics.missed
    assert 28 <= due <= 32


async def test_what_was_due_before_a_change_is_sent_after_it() -> None:
    with shop() as target:
        load = Generator(target, scenario="browse", shoppers=200)
        running = asyncio.create_task(load.run([Stage.constant(100, seconds=WITHIN)]))
        await until(lambda: _more_than(load.statistics.sent, 0), within=WITHIN)
        sent = load.statistics.sent
        time.sleep(0.2)  # the loop is busy
        load.stop()
        assert load.statistics.sent >= sent + 19
        await running


async def test_more_shoppers_may_wait_after_a_change() -> None:
    with shop(is_open=False) as target:
        load = Generator(target, scenario="browse", shoppers=2)
        running = asyncio.create_task(load.run([Stage.constant(100, seconds=WITHIN)]))
        await until(lambda: _more_than(load.statistics.missed, 0), within=WITHIN)
        load.follow([Stage.constant(100, seconds=WITHIN)], shoppers=5)
        await until(lambda: _more_than(load.in_flight, 4), within=WITHIN)
        running.cancel()
        await asyncio.wait([running])


NESTED = b"[" * 100_000


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b"[]", b"\xff", NESTED], ids=lambda body: repr(body[:6])
)
async def test_a_shopper_starts_again_after_a_response_that_it_cannot_read(body: bytes) -> None:
    with shop(body=body) as target:
        load = Generator(target, scenario="browse", shoppers=1)
        made = await load.run([Stage.constant(200, seconds=0.2)])
    assert made.statuses[200] > 2
    assert 0 < made.failures["invalid_response"] == made.failed < made.statuses[200]


@pytest.mark.parametrize(("rate", "shoppers"), [(1, 64), (200, 200), (5000, 512)])
def test_there_are_shoppers_for_waits_of_a_second(rate: float, shoppers: int) -> None:
    assert usual_shoppers([Stage(60, rate, 1)]) == shoppers
