"""Readiness: may this replica get traffic?

Checks look at the service's own store and never at another service, so one outage does not
spread. Liveness is a different question: `/livez` answers 200 as long as the event loop runs.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from app.errors import Problem
from app.telemetry.logs import get_logger

Check = Callable[[], Awaitable[None]]
"""Returns if the check passes, raises otherwise."""

PASSED = "ok"
CHECK_TIMEOUT = 1.0
CACHE_SECONDS = 0.5
"""How long a result is reused, so that frequent probes do not load the store."""
BUSY_SECONDS = 5.0
"""How long a check that passed may time out. It queues behind the requests: to take a replica out
because its store is busy would make the queues of the others longer."""


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
        self._passed_at: dict[str, float] = {}
        self._checks: dict[str, Check] = {}
        self._results: dict[str, str] = {}
        self._fresh_until = 0.0
        self._lock = asyncio.Lock()

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`."""
        self._checks[name] = check
        self._fresh_until = 0.0

    async def results(self) -> dict[str, str]:
        """`ok` or the reason of each check, at most half a second old, within about a second."""
        async with self._lock:
            if self._clock() >= self._fresh_until:
                names = list(self._checks)
                outcomes = await asyncio.gather(*(self._outcome(name) for name in names))
                self._keep(dict(zip(names, outcomes, strict=True)))
                self._fresh_until = self._clock() + CACHE_SECONDS
            return self._results

    def _keep(self, results: dict[str, str]) -> None:
        """Keep the results and log changes: a probe only shows that a replica is unready."""
        for name, result in results.items():
            before = self._results.get(name, PASSED)
            if result != PASSED and before == PASSED:
                get_logger().warning("check.failed", check=name, reason=result)
            elif result == PASSED and before != PASSED:
                get_logger().info("check.passed", check=name)
        self._results = results

    async def _outcome(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._check_timeout):
                await self._checks[name]()
        except TimeoutError:
            if self._clock() < self._passed_at.get(name, -math.inf) + BUSY_SECONDS:
                return PASSED
            return f"no answer within {self._check_timeout:g} s"
        except NotReady as reason:
            return str(reason)
        except Problem as problem:
            return f"{problem.detail}{_cause(problem)}"
        except Exception as error:  # whatever fails, the probe is answered
            return type(error).__name__
        self._passed_at[name] = self._clock()
        return PASSED


def _cause(problem: Problem) -> str:
    """The cause of a problem, in one line."""
    cause = problem.__cause__
    return f" ({(str(cause).splitlines() or [type(cause).__name__])[0]})" if cause else ""
