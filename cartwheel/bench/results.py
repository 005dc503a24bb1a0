"""What a bench found: a table, gates and notes; as JSON for programs."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Value = float | int | str | None


@dataclass(frozen=True)
class Column:
    """A column of a table; ``decimals`` of its numbers are shown."""

    key: str
    heading: str
    decimals: int = 0
    unit: str = ""


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
    """The outcome of one bench; ``rows`` have a value for each key of ``columns``."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Value]]
    gates: Sequence[Gate] = ()
    notes: Sequence[str] = ()
    samples: Sequence[Mapping[str, Any]] = ()

    def value(self, row: str, key: str) -> float | None:
        """A number of the table; None if there is no such row."""
        found = next((one for one in self.rows if one[self.columns[0].key] == row), {})
        value = found.get(key)
        return float(value) if isinstance(value, int | float) else None

    def to_json(self) -> dict[str, Any]:
        gates = [dataclasses.asdict(gate) | {"outcome": gate.outcome} for gate in self.gates]
        return {**dataclasses.asdict(self), "gates": gates}


def paired_ratio(values: Iterable[float], base: Iterable[float]) -> float | None:
    """The median of the ratios of each round, which repeats better than a ratio of medians."""
    ratios = [one / other for one, other in zip(values, base, strict=True) if other]
    return median(ratios) if ratios else None
