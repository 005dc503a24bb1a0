"""What a bench found: a table, gates and notes; as JSON for programs."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Value = float | int | str | None
NOTHING = "–"


@dataclass(frozen=True)
class Column:
    """A column of a table; ``decimals`` of its numbers are shown, ``meaning`` is for charts."""

    key: str
    heading: str
    decimals: int = 0
    meaning: str = ""


@dataclass(frozen=True)
class Gate:
    """A target. `is_upper`: the measured value must not exceed it; otherwise not fall below."""

    name: str
    measured: float | None
    gate: float | None
    stretch: float | None = None
    unit: str = ""
    is_upper: bool = True
    decimals: int = 2

    @property
    def outcome(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.gate is not None and not self._meets(self.gate):
            return "missed"
        if self.stretch is not None and self._meets(self.stretch):
            return "stretch passed"
        return "passed" if self.gate is not None else "stretch missed"

    def _meets(self, bound: float) -> bool:
        assert self.measured is not None
        return self.measured <= bound if self.is_upper else self.measured >= bound


@dataclass(frozen=True)
class BenchResult:
    """The outcome of one bench; ``rows`` have a value for each key of ``columns``.

    ``chart`` is the key of the column that a chart shows.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Value]]
    gates: Sequence[Gate] = ()
    notes: Sequence[str] = ()
    samples: Sequence[Mapping[str, Any]] = ()
    chart: str | None = None

    def to_json(self) -> dict[str, Any]:
        gates = [dataclasses.asdict(gate) | {"outcome": gate.outcome} for gate in self.gates]
        return {**dataclasses.asdict(self), "gates": gates}


def paired_ratio(values: Iterable[float], base: Iterable[float]) -> float | None:
    """The median of the ratios of each round, which repeats better than a ratio of medians."""
    ratios = [one / other for one, other in zip(values, base, strict=True) if other]
    return median(ratios) if ratios else None


def format_value(value: Value, decimals: int = 0) -> str:
    """A number with its decimals and separated thousands; a text as it is."""
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else f"{value:,.{decimals}f}"
