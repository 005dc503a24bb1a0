"""The bench of token checks."""

from collections.abc import Sequence

from cartwheel.bench.options import OWN, Options
from cartwheel.bench.probe_runs import run_probe
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.workbench import Workbench

NAME = "token"
COLUMNS = (
    Column("variant", "variant"),
    Column("seen", "seen before, µs", 2, meaning="CPU of a known token in µs; less is better"),
    Column("new", "new, µs", 1),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    figures = await run_probe(workbench, "token_check.py", options=options, progress=progress)
    rows: list[dict[str, Value]] = [{"variant": name, **found} for name, found in figures.items()]
    seen = figures.get(OWN, {}).get("seen")
    gates = [Gate("token seen before", seen, 2.0, unit="µs")]
    return [BenchResult(NAME, "Check of an access token, CPU", COLUMNS, rows, gates, chart="seen")]
