"""What a process of ours does on signals, above all on those that stop it."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def numbers_of_stop_signals() -> Sequence[signal.Signals]:
    """A signal that was ignored at the start (nohup) stays ignored."""
    return [one for one in STOP_SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]


@contextmanager
def handled_at_once(
    handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], object]],
) -> Iterator[None]:
    """Have these called wherever the program is; afterwards each signal does what it did before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def handled_in_loop(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Have the running event loop call these; afterwards each signal does what it did before."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, previous)


@contextmanager
def stop_signals_handled_in_loop(handler: Callable[[], object]) -> Iterator[None]:
    """Have the running event loop call it on each signal that asks to stop."""
    with handled_in_loop(dict.fromkeys(numbers_of_stop_signals(), handler)):
        yield


@contextmanager
def stop_signals(
    *, stop: Callable[[], None], kill: Callable[[], None], is_stopping: Callable[[], bool]
) -> Iterator[None]:
    """Call ``stop`` on the first signal, and ``kill`` on one that comes while it stops.

    ``stop`` runs in the event loop. ``kill`` runs in the signal handler, because the loop may be
    blocked.
    """
    loop = asyncio.get_running_loop()
    received = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal received
        if received or is_stopping():
            kill()
        received = True
        loop.call_soon_threadsafe(stop)

    with handled_at_once(dict.fromkeys(numbers_of_stop_signals(), handle)):
        yield
