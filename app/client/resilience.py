"""When to try again and when to leave a neighbour alone.

Plain objects without I/O: they are told what happened and asked what may happen next. Time and
chance are passed in, so that every rule can be tested without waiting or guessing.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 10.0
"""Seconds of the past that retry budget and breaker look at."""

BACKOFF_MIN = 0.025
BACKOFF_MAX = 0.25

RETRY_SHARE = 0.1
RETRIES_PER_SECOND = 3.0

BREAKER_MIN_CALLS = 20
BREAKER_FAILURE_SHARE = 0.5
BREAKER_OPEN_SECONDS = 5.0
BREAKER_OPEN_JITTER = 0.2
BREAKER_PROBES = 3


def full_jitter(rng: random.Random) -> float:
    """Seconds to wait before the second try, spread so that retries do not march in step."""
    return rng.uniform(BACKOFF_MIN, BACKOFF_MAX)


class RecentCounts:
    """Counts of two kinds of event over the last ten seconds, in slots of one second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: deque[list[int]] = deque()  # [second, events of kind 0, events of kind 1]

    def add(self, kind: int) -> None:
        second = int(self._clock())
        if not self._slots or self._slots[-1][0] != second:
            self._forget_old(second)
            self._slots.append([second, 0, 0])
        self._slots[-1][1 + kind] += 1

    def totals(self) -> tuple[int, int]:
        self._forget_old(int(self._clock()))
        return sum(slot[1] for slot in self._slots), sum(slot[2] for slot in self._slots)

    def clear(self) -> None:
        self._slots.clear()

    def _forget_old(self, second: int) -> None:
        while self._slots and self._slots[0][0] <= second - WINDOW:
            self._slots.popleft()


class RetryBudget:
    """Allows retries for a tenth of the recent requests, and three a second for quiet times.

    Retries help while few requests fail and do harm when all do; a budget tells the two apart
    where a count per request cannot.
    """

    _REQUEST, _RETRY = 0, 1

    def __init__(self, clock: Callable[[], float]) -> None:
        self._recent = RecentCounts(clock)

    def count_request(self) -> None:
        self._recent.add(self._REQUEST)

    def spend(self) -> bool:
        """Take one retry from the budget; False if there is none left."""
        requests, retries = self._recent.totals()
        if retries + 1 > RETRY_SHARE * requests + RETRIES_PER_SECOND * WINDOW:
            return False
        self._recent.add(self._RETRY)
        return True


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call, to be handed back with its outcome."""

    generation: int


class CircuitBreaker:
    """Stops calling a neighbour of which at least half the recent calls failed.

    Closed: calls pass, outcomes are counted. Open: nothing passes for about five seconds.
    Then probing: three calls may pass; all well closes it, one failure opens it again.
    """

    _SUCCESS, _FAILURE = 0, 1

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._recent = RecentCounts(clock)
        self._opened_until: float | None = None
        self._probes_left = 0
        self._probes_passed = 0
        # Raised by each change of state, so that a call which began before the change has no
        # say about the time after it.
        self._generation = 0

    @property
    def closed(self) -> bool:
        return self._opened_until is None

    @property
    def seconds_open(self) -> float:
        """Seconds until probes may pass; 0 if calls may pass now."""
        if self._opened_until is None:
            return 0.0
        return max(0.0, self._opened_until - self._clock())

    def enter(self) -> Permit | None:
        """Ask to make a call. Every permit must come back through `leave`."""
        if self._opened_until is not None:
            if self.seconds_open > 0 or self._probes_left == 0:
                return None
            self._probes_left -= 1
        return Permit(self._generation)

    def leave(self, permit: Permit, *, success: bool | None) -> None:
        """Report a call's outcome; None when it says nothing about the neighbour."""
        if permit.generation != self._generation:
            return
        if self.closed:
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
        if calls >= BREAKER_MIN_CALLS and failures >= BREAKER_FAILURE_SHARE * calls:
            self._open()

    def _count_probe(self, success: bool | None) -> None:
        if success is None:
            self._probes_left += 1
        elif not success:
            self._open()
        else:
            self._probes_passed += 1
            if self._probes_passed == BREAKER_PROBES:
                self._close()

    def _open(self) -> None:
        spread = self._rng.uniform(1 - BREAKER_OPEN_JITTER, 1 + BREAKER_OPEN_JITTER)
        self._opened_until = self._clock() + BREAKER_OPEN_SECONDS * spread
        self._probes_left = BREAKER_PROBES
        self._probes_passed = 0
        self._generation += 1

    def _close(self) -> None:
        self._opened_until = None
        self._recent.clear()
        self._generation += 1
