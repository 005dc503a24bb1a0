"""The bench of `/metrics`: how long a scrape stops the event loop."""

from collections.abc import Sequence

from cartwheel.bench.options import OWN, Options
from cartwheel.bench.probe_runs import run_probe
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.workbench import Workbench

NAME = "metrics"
GATES = {1_000: 5.0, 10_000: 50.0}
"""Milliseconds by the number of series."""
COLUMNS = (
    Column("scrape", "scrape"),
    Column("blocked", "loop blocked, ms", 1, meaning="loop blocked in ms; less is better"),
    Column("cpu", "CPU, ms", 1),
    Column("size", "response, KiB"),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    rows: list[dict[str, Value]] = []
    gates = []
    for series, bound in GATES.items():
        figures = await run_probe(
            workbench,
            "metrics_scrape.py",
            *("services.cart.main:create", str(series)),
            options=options,
            progress=progress,
        )
        rows += [
            {"scrape": f"{name}, {series:,} series", **found} for name, found in figures.items()
        ]
        blocked = figures.get(OWN, {}).get("blocked")
        gates.append(Gate(f"loop blocked, {series:,} series", blocked, bound, unit="ms"))
    return [BenchResult(NAME, "Scrape: GET /metrics", COLUMNS, rows, gates, chart="blocked")]
