"""Stop calling an upstream that keeps failing.

A plain object without I/O. Clock and randomness are passed in, so that every rule can be tested
without waiting.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from app.client.windowed_counts import WindowedCounts

MIN_CALLS = 20
FAILURE_SHARE = 0.5
OPEN_SECONDS = 5.0
OPEN_JITTER = 0.2
PROBES = 3


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to make one call; goes back to the breaker with the call's outcome."""

    generation: int


class CircuitBreaker:
    """Opens when at least half of the recent calls to an upstream failed.

    Closed: calls pass, outcomes are counted. Open: no call passes for about five seconds.
    Half-open: three probes may pass; if all succeed it closes, one failure opens it again.
    """

    _SUCCESS, _FAILURE = 0, 1

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._recent = WindowedCounts(clock)
        self._opened_until: float | None = None
        self._probes_left = 0
        self._probes_passed = 0
        # Raised by each change of state: the outcome of a call that began in an earlier state
        # is ignored.
        self._generation = 0

    @property
    def is_closed(self) -> bool:
        return self._opened_until is None

    @property
    def seconds_open(self) -> float:
        """Seconds until probes may pass; 0 if calls may pass now."""
        if self._opened_until is None:
            return 0.0
        return max(0.0, self._opened_until - self._clock())

    def enter(self) -> Permit | None:
        """Return a permit to make a call, or None. Hand every permit back through `leave`."""
        if self._opened_until is not None:
            if self.seconds_open > 0 or self._probes_left == 0:
                return None
            self._probes_left -= 1
        return Permit(self._generation)

    def leave(self, permit: Permit, *, success: bool | None) -> None:
        """Report a call's outcome; None when it says nothing about the upstream."""
        if permit.generation != self._generation:
            return
        if self.is_closed:
            self._count(success)
        else:
            self._count_probe(success)

    def _count(self, success: bool | None) -> None:
        if success is None:
            return
        self._recent.add(self._SUCCESS if success else self._FAILURE)
        if success:
            return
        successes, failures = self._recent.totals()
        calls = successes + failures
        if calls >= MIN_CALLS and failures >= FAILURE_SHARE * calls:
            self._open()

    def _count_probe(self, success: bool | None) -> None:
        if success is None:
            self._probes_left += 1
        elif not success:
            self._open()
        else:
            self._probes_passed += 1
            if self._probes_passed == PROBES:
                self._close()

    def _open(self) -> None:
        spread = self._rng.uniform(1 - OPEN_JITTER, 1 + OPEN_JITTER)
        self._opened_until = self._clock() + OPEN_SECONDS * spread
        self._probes_left = PROBES
        self._probes_passed = 0
        self._generation += 1

    def _close(self) -> None:
        self._opened_until = None
        self._recent.clear()
        self._generation += 1
