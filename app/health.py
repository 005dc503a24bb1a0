"""Readiness: may this replica get traffic?

Checks look at the service's own store and never at a neighbour, so one outage does not spread.
Being alive is a different question: `/livez` answers 200 as long as the event loop turns.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from app.errors import Problem

Check = Callable[[], Awaitable[None]]
"""Returns when all is well and raises otherwise."""

WELL = "ok"
CHECK_TIMEOUT = 1.0
CACHE_SECONDS = 0.5
"""How long a result is used again, so that eager probes do not load the store."""
BUSY_SECONDS = 5.0
"""How long a check that was well may give no answer. It waits in the same line as the work: to
take a replica out because its store has much to do would make the others' lines longer."""


class NotReady(Exception):
    """Raised by a check; its message is shown by `/readyz?verbose`."""


class Health:
    """The named checks of one service."""

    def __init__(
        self,
        *,
        check_timeout: float = CHECK_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check_timeout = check_timeout
        self._clock = clock
        self._well_at: dict[str, float] = {}
        self._checks: dict[str, Check] = {}
        self._results: dict[str, str] = {}
        self._fresh_until = 0.0
        self._lock = asyncio.Lock()

    def add(self, name: str, check: Check) -> None:
        """Have `check` decide about readiness from now on."""
        self._checks[name] = check
        self._fresh_until = 0.0

    async def results(self) -> dict[str, str]:
        """`ok` or the reason for each check; at most half a second old, within about a second."""
        async with self._lock:
            if self._clock() >= self._fresh_until:
                names = list(self._checks)
                outcomes = await asyncio.gather(*(self._outcome(name) for name in names))
                self._results = dict(zip(names, outcomes, strict=True))
                self._fresh_until = self._clock() + CACHE_SECONDS
            return self._results

    async def _outcome(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._check_timeout):
                await self._checks[name]()
        except TimeoutError:
            if self._clock() < self._well_at.get(name, -math.inf) + BUSY_SECONDS:
                return WELL
            return f"no answer within {self._check_timeout:g} s"
        except NotReady as reason:
            return str(reason)
        except Problem as problem:
            return problem.detail
        except Exception as error:  # a check may fail in any way; the probe must still answer
            return type(error).__name__
        self._well_at[name] = self._clock()
        return WELL
