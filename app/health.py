"""Readiness: may this replica get traffic?

Checks look at the service's own store and never at a neighbour, so one outage does not spread.
Being alive is a different question: `/livez` answers 200 as long as the event loop turns.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.errors import Problem

Check = Callable[[], Awaitable[None]]
"""Returns when all is well and raises otherwise."""

CHECK_TIMEOUT = 1.0
CACHE_SECONDS = 0.5
"""How long a result is used again, so that eager probes do not load the store."""


class NotReady(Exception):
    """Raised by a check; its message is shown by `/readyz?verbose`."""


class Health:
    """The named checks of one service."""

    def __init__(self) -> None:
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
            if time.monotonic() >= self._fresh_until:
                names = list(self._checks)
                outcomes = await asyncio.gather(*(_outcome(self._checks[n]) for n in names))
                self._results = dict(zip(names, outcomes, strict=True))
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return self._results


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except NotReady as reason:
        return str(reason)
    except Problem as problem:
        return problem.detail
    except Exception as error:  # a check may fail in any way; the probe must still answer
        return type(error).__name__
    return "ok"
