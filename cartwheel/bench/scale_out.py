"""The bench of scaling out on this machine: the cart from 2 to 7 replicas."""

import math
import random
from collections.abc import Sequence
from statistics import median

from cartwheel.bench.options import OWN, Options
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import running_shops
from cartwheel.bench.workbench import Workbench

NAME = "scale-out"
FEW, MANY = 2, 7
COLUMNS = (
    Column("variant", "variant"),
    Column("median", "median, s", 2, meaning="seconds until all are ready; less is better"),
    Column("p95", "p95, s", 2),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    async with running_shops(workbench, options, progress) as shops:
        # Replicas start on all cores, as they do in use.
        workbench.release_cores(shop.supervisor for shop in shops)
        seconds: dict[str, list[float]] = {shop.name: [] for shop in shops}
        for number in range(1, options.rounds + 1):
            for shop in random.sample(shops, len(shops)):
                stage = f"round {number} of {options.rounds}"
                progress(stage, shop.name, share=(number - 1) / options.rounds)
                await shop.scale("cart", FEW)
                seconds[shop.name].append(await shop.scale("cart", MANY))
                await shop.scale("cart", FEW)
    rows: list[dict[str, Value]] = [
        {"variant": name, "median": median(found), "p95": _p95(found)}
        for name, found in seconds.items()
    ]
    gates = [Gate("p95", _p95(seconds[OWN]), 3.0, unit="s")] if OWN in seconds else []
    title = f"Scale-out of the cart on this machine, {FEW} → {MANY}"
    return [BenchResult(NAME, title, COLUMNS, rows, gates, chart="median")]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
