"""Services in a process whose wall clock is nine minutes ahead, as if nobody set it.

``factory="tests.support.ahead:tracking"`` for `start_service`, `wrong_clock` in this process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

AHEAD = 9 * 60
"""Seconds; less than an access token of the tests lasts."""


def tracking() -> FastAPI:
    """Tracking with that clock, for the rest of the process."""
    _set_ahead(pytest.MonkeyPatch())
    from services.tracking.main import create

    return create()


@contextmanager
def wrong_clock() -> Iterator[None]:
    """That clock in this process, within the block."""
    with pytest.MonkeyPatch.context() as patch:
        _set_ahead(patch)
        yield


def _set_ahead(patch: pytest.MonkeyPatch) -> None:
    seconds, nanoseconds = time.time, time.time_ns
    patch.setattr(time, "time", lambda: seconds() + AHEAD)
    patch.setattr(time, "time_ns", lambda: nanoseconds() + AHEAD * 1_000_000_000)
