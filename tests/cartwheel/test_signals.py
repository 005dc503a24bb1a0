"""Signals that a process of ours handles for a while."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from cartwheel.local.signals import STOP_SIGNALS, handled_in_loop, stop_signals_handled_in_loop
from tests.support.waiting import until


@pytest.fixture(params=STOP_SIGNALS, ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


async def all_are_handled() -> None:
    """The loop handles signals in the order in which they came, so after this one it has."""
    last = asyncio.Event()
    with handled_in_loop({signal.SIGUSR1: last.set}):
        signal.raise_signal(signal.SIGUSR1)
        await until(last.is_set)


async def test_a_stop_signal_is_handled_in_the_loop_until_the_block_ends(
    number: signal.Signals,
) -> None:
    inside, outside = asyncio.Event(), asyncio.Event()
    signal.signal(number, lambda *_: outside.set())
    with stop_signals_handled_in_loop(inside.set):
        signal.raise_signal(number)
        await until(inside.is_set)
        assert not outside.is_set()
    inside.clear()

    signal.raise_signal(number)
    assert outside.is_set()
    await all_are_handled()
    assert not inside.is_set()


async def test_an_ignored_stop_signal_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    received = asyncio.Event()
    with stop_signals_handled_in_loop(received.set):
        assert signal.getsignal(number) is signal.SIG_IGN
        signal.raise_signal(number)
        await all_are_handled()
    assert not received.is_set()
    assert signal.getsignal(number) is signal.SIG_IGN
