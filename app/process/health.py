"""Readiness: may this replica get traffic?

Checks look at the service's own store and never at a neighbour, so one outage does not spread.
Being alive is a different question: `/livez` answers 200 as long as the event loop turns.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from app.errors import Problem
from app.telemetry.logs import get_logger

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
                self._note(dict(zip(names, outcomes, strict=True)))
                self._fresh_until = self._clock() + CACHE_SECONDS
            return self._results

    def _note(self, results: dict[str, str]) -> None:
        """Keep the results, and log what changed: probes only see that a replica is unready."""
        for name, result in results.items():
            before = self._results.get(name, WELL)
            if result != WELL and before == WELL:
                get_logger().warning("check.failed", check=name, reason=result)
            elif result == WELL and before != WELL:
                get_logger().info("check.passed", check=name)
        self._results = results

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
            return f"{problem.detail}{_behind(problem)}"
        except Exception as error:  # a check may fail in any way; the probe must still answer
            return type(error).__name__
        self._well_at[name] = self._clock()
        return WELL


def _behind(problem: Problem) -> str:
    """What made the problem, in one line."""
    cause = problem.__cause__
    return f" ({(str(cause).splitlines() or [type(cause).__name__])[0]})" if cause else ""
