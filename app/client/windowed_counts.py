"""Counts over the last ten seconds, for the retry budget and the circuit breaker."""

from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0


class WindowedCounts:
    """Counts of two kinds of event within the window, in slots of one second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: deque[list[int]] = deque()  # [second, events of kind 0, events of kind 1]

    def add(self, kind: int) -> None:
        second = int(self._clock())
        if not self._slots or self._slots[-1][0] != second:
            self._drop_old(second)
            self._slots.append([second, 0, 0])
        self._slots[-1][1 + kind] += 1

    def totals(self) -> tuple[int, int]:
        self._drop_old(int(self._clock()))
        return sum(slot[1] for slot in self._slots), sum(slot[2] for slot in self._slots)

    def clear(self) -> None:
        self._slots.clear()

    def _drop_old(self, second: int) -> None:
        while self._slots and self._slots[0][0] <= second - WINDOW_SECONDS:
            self._slots.popleft()
