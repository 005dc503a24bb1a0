"""When requests are due: stages of constant or changing rate, one after the other."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_RATE = 5000.0
MAX_SECONDS = 3600.0
MIN_SECONDS = 0.001
"""Of a stage: it is written, for another process, in millionths of a second."""
STAGES_HELP = "DURATION:RATE or, for a ramp, DURATION:RATE..RATE, as in 30s:50,1m:50..400"

_STAGE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|):(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class InvalidStages(ValueError):
    """The reason, in one line."""


@dataclass(frozen=True)
class Stage:
    """`rate` requests a second for so many seconds; a ramp ends at another rate."""

    seconds: float
    rate: float
    end_rate: float

    @classmethod
    def constant(cls, rate: float, *, seconds: float) -> "Stage":
        return cls(seconds, rate, rate)

    @property
    def arrivals(self) -> float:
        return (self.rate + self.end_rate) / 2 * self.seconds

    @property
    def written(self) -> str:
        """As `parse_stages` reads it."""
        text = f"{_written(self.seconds)}s:{_written(self.rate)}"
        return text if self.end_rate == self.rate else f"{text}..{_written(self.end_rate)}"

    def __str__(self) -> str:
        rate = f"{self.rate:g}"
        if self.end_rate != self.rate:
            rate += f" to {self.end_rate:g}"
        return f"{rate} requests a second for {self.seconds:g} s"

    @property
    def _slope(self) -> float:
        return (self.end_rate - self.rate) / self.seconds

    def rate_at(self, seconds: float) -> float:
        return self.rate + self._slope * seconds

    def arrivals_until(self, seconds: float) -> float:
        return self.rate * seconds + self._slope * seconds**2 / 2

    def time_of(self, arrivals: float) -> float:
        """When so many have arrived: the inverse of `arrivals_until`."""
        if arrivals <= 0:
            return 0.0
        root = math.sqrt(max(self.rate**2 + 2 * self._slope * arrivals, 0.0))
        return 2 * arrivals / (self.rate + root)


def written(stages: Iterable[Stage]) -> str:
    """As `parse_stages` reads them."""
    return ",".join(stage.written for stage in stages)


def _written(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def parse_stages(
    text: str, *, max_seconds: float = MAX_SECONDS, max_rate: float = MAX_RATE
) -> Sequence[Stage]:
    """Read ``30s:50,1m:50..400``. Raises `InvalidStages`."""
    stages = [_parse_stage(part.strip(), max_rate) for part in text.split(",")]
    if sum(stage.seconds for stage in stages) > max_seconds:
        raise InvalidStages(f"all stages together must not exceed {max_seconds:g} s")
    return stages


def _parse_stage(text: str, max_rate: float) -> Stage:
    found = _STAGE.fullmatch(text)
    if not found:
        raise InvalidStages(f"{text!r} is not a stage: write {STAGES_HELP}")
    number, unit, rate, end_rate = found.groups()
    stage = Stage(float(number) * _UNITS[unit], float(rate), float(end_rate or rate))
    if stage.seconds < MIN_SECONDS:
        raise InvalidStages(f"{text!r}: a stage lasts at least {MIN_SECONDS:g} s")
    if max(stage.rate, stage.end_rate) > max_rate:
        raise InvalidStages(f"{text!r}: the rate must be at most {max_rate:g}")
    return stage


class Schedule:
    """The times at which the requests of some stages are due, from `starts_at` on.

    `first` is how much of an arrival is still to come before the first request, at most 1: a change
    of the rate neither sends a request at once nor loses the time already waited.
    """

    def __init__(self, stages: Sequence[Stage], *, starts_at: float, first: float = 0.0) -> None:
        self.starts_at = starts_at
        self.ends_at = starts_at + sum(stage.seconds for stage in stages)
        self._stages = stages
        self._number = first
        self._times = self._all_times()
        self.next_due = next(self._times, math.inf)

    def advance(self) -> None:
        """The request at `next_due` is sent, or given up."""
        self._number += 1
        self.next_due = next(self._times, math.inf)

    def rate_at(self, now: float) -> float:
        """The rate asked for; 0 when it is over."""
        for starts_at, stage in self._with_starts():
            if now < starts_at + stage.seconds:
                return stage.rate_at(max(now - starts_at, 0.0))
        return 0.0

    def left_until_next(self, now: float) -> float:
        """How much of an arrival is still to come, from 0 to 1: `first` of the next schedule."""
        arrived = sum(
            stage.arrivals_until(min(max(now - starts_at, 0.0), stage.seconds))
            for starts_at, stage in self._with_starts()
        )
        return min(max(self._number - arrived, 0.0), 1.0)

    def _with_starts(self) -> Iterator[tuple[float, Stage]]:
        starts_at = self.starts_at
        for stage in self._stages:
            yield starts_at, stage
            starts_at += stage.seconds

    def _all_times(self) -> Iterator[float]:
        number, before = self._number, 0.0
        for starts_at, stage in self._with_starts():
            while number < before + stage.arrivals:
                yield starts_at + stage.time_of(number - before)
                number += 1
            before += stage.arrivals
