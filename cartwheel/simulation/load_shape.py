"""The load of a simulation: requests a second over time."""

import csv
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise
from pathlib import Path

from cartwheel.errors import UsageError
from loadtest import arrivals

# A ramp becomes steps of this length.
RAMP_STEP = 1.0
MAX_POINTS = 3_000_000


@dataclass(frozen=True)
class LoadShape:
    """Each rate holds from its time to the next one; the last one until ``end``.

    Before the first time, the first rate held for ever.
    """

    times: Sequence[float]
    rates: Sequence[float]
    end: float
    _totals: Sequence[float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = [after - before for before, after in pairwise(self.times)]
        parts = (rate * length for rate, length in zip(self.rates, lengths, strict=False))
        object.__setattr__(self, "_totals", list(accumulate(parts, initial=0.0)))

    @property
    def start(self) -> float:
        return self.times[0]

    @property
    def peak(self) -> float:
        return max(self.rates)

    def rate_at(self, at: float) -> tuple[float, float]:
        """The rate at a time, and how long it holds."""
        index = bisect_right(self.times, at)
        until = self.times[index] if index < len(self.times) else math.inf
        return self.rates[max(index - 1, 0)], until

    def arrived(self, at: float) -> float:
        """How many requests arrived since the start; negative before it."""
        index = max(bisect_right(self.times, at) - 1, 0)
        return self._totals[index] + self.rates[index] * (at - self.times[index])


@dataclass(frozen=True)
class PastLoad:
    """``note`` is a sentence on what of the past is left out."""

    shape: LoadShape
    note: str = ""


def from_points(points: Iterable[tuple[float, float]], *, last: float | None = None) -> LoadShape:
    """A shape from times and rates; the last rate holds as long as the one before it, or ``last``.

    Raises `UsageError` if they are no shape: too few, unordered or negative.
    """
    times: list[float] = []
    rates: list[float] = []
    for at, rate in points:
        if not (math.isfinite(at) and math.isfinite(rate)) or rate < 0:
            raise UsageError(f"A rate of {rate} at {at} s is no load.")
        if times and at <= times[-1]:
            raise UsageError(f"The times of the load must rise: {at} follows {times[-1]}.")
        times.append(at)
        rates.append(rate)
    if not times or (len(times) == 1 and last is None):
        raise UsageError("The load needs at least two times.")
    if len(times) > MAX_POINTS:
        raise UsageError(f"The load has more than {MAX_POINTS:,} points.")
    return LoadShape(times, rates, times[-1] + (last or times[-1] - times[-2]))


def parse_stages(text: str) -> LoadShape:
    """`30s:50,1m:50..400`: so long, so many requests a second; a range is a ramp.

    Raises `UsageError`.
    """
    points: list[tuple[float, float]] = []
    at = 0.0
    try:
        stages = arrivals.parse_stages(text, max_seconds=math.inf, max_rate=math.inf)
    except arrivals.InvalidStages as error:
        raise UsageError(f"{error}.") from None
    for stage in stages:
        if stage.rate != stage.end_rate and len(points) + stage.seconds / RAMP_STEP > MAX_POINTS:
            raise UsageError(f"The ramp {stage.written!r} is too long.")
        points += _steps(at, stage)
        at += stage.seconds
    return from_points(points, last=at - points[-1][0])


def _steps(at: float, stage: arrivals.Stage) -> Iterable[tuple[float, float]]:
    if stage.rate == stage.end_rate:
        return [(at, stage.rate)]
    count = max(round(stage.seconds / RAMP_STEP), 1)
    length = stage.seconds / count
    return [(at + length * n, stage.rate_at(length * (n + 0.5))) for n in range(count)]


def read_csv(path: Path) -> LoadShape:
    """Two columns, time and requests a second; a heading without a number is skipped.

    Times are seconds or ISO 8601. Raises `UsageError` with the line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return from_points(_rows(path, csv.reader(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error


def _rows(path: Path, rows: Iterable[list[str]]) -> Iterable[tuple[float, float]]:
    before, written = -math.inf, ""
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row) or (number == 1 and _is_heading(row)):
            continue
        problem = f"{path}:{number}: {','.join(row)!r}"
        try:
            at, rate = _time(row[0]), float(row[1])
        except (ValueError, IndexError):
            raise UsageError(f"{problem} is no time and requests a second.") from None
        if not (math.isfinite(at) and math.isfinite(rate)) or rate < 0:
            raise UsageError(f"{problem} is no load.")
        if at <= before:
            raise UsageError(f"{problem} is not later than {written}.")
        before, written = at, row[0].strip()
        yield at, rate


def _is_heading(row: Sequence[str]) -> bool:
    return not any(re.match(r"[-+.\d]", cell.strip()) for cell in row[:2])


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.strip()).timestamp()
