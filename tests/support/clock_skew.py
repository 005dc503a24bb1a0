"""A wall clock that is nine minutes ahead of the real time.

Pass ``factory="tests.support.clock_skew:tracking"`` to `start_service` to skew the clock of another
process, or use `skewed_clock` to skew the clock of this one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

SKEW = 9 * 60
"""Seconds; shorter than the lifetime of an access token in the tests."""


def tracking() -> FastAPI:
    """Tracking with a skewed clock, until the process ends."""
    _skew(pytest.MonkeyPatch())
    from services.tracking.main import create

    return create()


@contextmanager
def skewed_clock() -> Iterator[None]:
    """Skew the clock of this process within the block."""
    with pytest.MonkeyPatch.context() as patch:
        _skew(patch)
        yield


def _skew(patch: pytest.MonkeyPatch) -> None:
    seconds, nanoseconds = time.time, time.time_ns
    patch.setattr(time, "time", lambda: seconds() + SKEW)
    patch.setattr(time, "time_ns", lambda: nanoseconds() + SKEW * 1_000_000_000)
