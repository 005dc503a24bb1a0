"""The bench of a steady load at the end of the tolerance: how often the count changes."""

from collections.abc import Sequence
from dataclasses import replace

from cartwheel.bench.load_steps import count_changes, settings_of
from cartwheel.bench.options import OWN, Options
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import running_shops
from cartwheel.bench.workbench import Workbench

NAME = "autoscale-steady"
MODE = "requests"
RATE = 66.0
"""Requests a second at which three replicas are at the end of their tolerance: 3 × 20 × 1.1."""
SECONDS = 600.0
COLUMNS = (
    Column("rate", "requests/s"),
    Column("minutes", "minutes"),
    Column("changes", "changes of the count"),
    Column("failed", "failed"),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    own = replace(options, variants=(OWN,), against=None)
    shops = running_shops(workbench, own, progress, **settings_of(MODE))
    async with shops as (shop,):
        workbench.release_cores([shop.supervisor])
        progress("ten minutes", f"{RATE:g} requests/s", share=0.0)
        changes, failed = await count_changes(shop, rate=RATE, seconds=SECONDS)
    row: dict[str, Value] = {
        "rate": RATE,
        "minutes": SECONDS / 60,
        "changes": changes,
        "failed": failed,
    }
    gates = [
        Gate("changes in ten minutes", changes, 10, decimals=0),
        Gate("failed requests", failed, 0, decimals=0),
    ]
    title = "Ten minutes at the end of the tolerance, by request rate"
    return [BenchResult(NAME, title, COLUMNS, [row], gates)]
