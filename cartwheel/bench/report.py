"""Tables for a person, Markdown for a page and JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from cartwheel.bench.results import NOTHING, BenchResult, Column, Gate, Value, format_value

GATE_HEADINGS = ("gate", "measured", "at most / at least", "stretch", "")


def print_result(console: Console, result: BenchResult) -> None:
    """The table of one bench, its gates and its notes."""
    console.print(f"\n{result.title}\n", style="bold")
    console.print(_table([column.heading for column in result.columns], _cells(result)))
    if result.gates:
        console.print()
        console.print(_table(GATE_HEADINGS, map(_gate_cells, result.gates)))
    for note in result.notes:
        console.print(f"\n{note}")


def machine_to_markdown(machine: Mapping[str, str]) -> str:
    """The machine as a table of a page."""
    return "\n".join(
        ["| the machine | |", "|---|---|", *(f"| {k} | {v} |" for k, v in machine.items())]
    )


def to_markdown(result: BenchResult) -> str:
    """The same as a section of a page."""
    parts = [f"### {result.title}", f"`cartwheel bench {result.name}`"]
    parts.append(_markdown_table([column.heading for column in result.columns], _cells(result)))
    if result.gates:
        parts.append(_markdown_table(GATE_HEADINGS, map(_gate_cells, result.gates)))
    return "\n\n".join([*parts, *result.notes])


def to_json(machine: Mapping[str, str], results: Iterable[BenchResult]) -> str:
    """All results and the machine, as one document."""
    document = {"machine": dict(machine), "benches": [result.to_json() for result in results]}
    return json.dumps(document, indent=2)


def _cells(result: BenchResult) -> Iterable[list[str]]:
    for row in result.rows:
        yield [_cell(column, row) for column in result.columns]


def _cell(column: Column, row: Mapping[str, Value]) -> str:
    return format_value(row[column.key], column.decimals)


def _gate_cells(gate: Gate) -> list[str]:
    def bound(value: float | None) -> str:
        sign = "≤" if gate.is_upper else "≥"
        return NOTHING if value is None else f"{sign} {value:g} {gate.unit}".rstrip()

    measured = f"{format_value(gate.measured, gate.decimals)} {gate.unit}".rstrip()
    return [gate.name, measured, bound(gate.gate), bound(gate.stretch), gate.outcome]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] + ["--:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
