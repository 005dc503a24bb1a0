"""The bench of the local autoscaler: the cart from 2 to 7 replicas after a step of the load."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from statistics import median

from cartwheel.bench.load_steps import (
    FEW,
    HIGH,
    MANY,
    QUIET,
    StepResult,
    measure_step,
    settings_of,
)
from cartwheel.bench.options import OWN, Options
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import running_shops
from cartwheel.bench.workbench import Workbench

NAME = "autoscale"
REQUESTS = "requests"
MODES = ("cpu", REQUESTS)
DECIDED, FIRST, FULLY_DECIDED, ALL, TOGETHER = (
    "step_to_decision",
    "decision_to_first_serving",
    "step_to_full_decision",
    "full_decision_to_all_serving",
    "step_to_all_serving",
)
COLUMNS = (
    Column("variant", "scaled by"),
    Column("steps", "steps with all serving"),
    Column(f"{DECIDED}_p50", "step → decision, s", 2),
    Column(f"{DECIDED}_p95", "p95", 2),
    Column(f"{FIRST}_p50", "decision → first serving, s", 2),
    Column(f"{FIRST}_p95", "p95", 2),
    Column(f"{FULLY_DECIDED}_p50", f"step → decision for {MANY}, s", 2),
    Column(f"{FULLY_DECIDED}_p95", "p95", 2),
    Column(f"{ALL}_p50", f"decision for {MANY} → all serving, s", 2),
    Column(f"{ALL}_p95", "p95", 2),
    Column(
        f"{TOGETHER}_p50",
        f"step → all {MANY} serving, s",
        2,
        meaning="seconds from the step of the load until all serve; less is better",
    ),
    Column(f"{TOGETHER}_p95", "p95", 2),
    Column("deviation", "share of a replica, off the mean by at most, %"),
    Column("back", f"back to {FEW} after at most, s", 1),
    Column("requests", "requests"),
    Column("failed", "failed"),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    steps: dict[str, list[StepResult]] = {}
    for mode in options.choose(MODES):
        own = replace(options, variants=(OWN,), against=None)
        shops = running_shops(workbench, own, progress, **settings_of(mode))
        async with shops as (shop,):
            # Replicas start on all cores, as they do in use.
            workbench.release_cores([shop.supervisor])
            for number in range(1, options.rounds + 1):
                stage = f"step {number} of {options.rounds}"
                progress(stage, mode, share=(number - 1) / options.rounds)
                steps.setdefault(mode, []).append(await measure_step(shop))
    title = f"Steps from {QUIET:g} to {HIGH:g} requests/s on this machine"
    return [
        BenchResult(
            NAME,
            title,
            COLUMNS,
            [{"variant": mode, **summary(found)} for mode, found in steps.items()],
            gates(steps[REQUESTS]) if REQUESTS in steps else [],
            samples=[
                {"variant": mode, **asdict(step)} for mode, found in steps.items() for step in found
            ],
            chart=f"{TOGETHER}_p50",
        )
    ]


def summary(steps: Sequence[StepResult]) -> Mapping[str, Value]:
    """One row: quantiles over the steps in which it happened."""
    row: dict[str, Value] = {
        "steps": f"{len(_values(steps, ALL))} of {len(steps)}",
        "deviation": _percent(_largest(steps, "largest_deviation")),
        "back": _largest(steps, "end_to_few"),
        "requests": sum(step.requests for step in steps),
        "failed": sum(step.failed for step in steps),
    }
    for key in (DECIDED, FIRST, FULLY_DECIDED, ALL, TOGETHER):
        found = _values(steps, key)
        row[f"{key}_p50"] = median(found) if found else None
        row[f"{key}_p95"] = _p95(found) if found else None
    return row


def gates(steps: Sequence[StepResult]) -> Sequence[Gate]:
    """What the autoscaler by request rate promises."""
    row = summary(steps)
    return [
        Gate(
            f"decision for {MANY} → all serving, p95", _p95_of_all(steps, ALL), 3.0, 1.0, unit="s"
        ),
        Gate("step → all serving, p95", _p95_of_all(steps, TOGETHER), 6.0, 3.0, unit="s"),
        Gate("failed requests", sum(step.failed for step in steps), 0, decimals=0),
        Gate(
            "share of a replica, off the mean",
            _number(row["deviation"]),
            20.0,
            unit="%",
            decimals=0,
        ),
        Gate(f"back to {FEW} after at most", _number(row["back"]), 90.0, unit="s", decimals=1),
    ]


def _values(steps: Sequence[StepResult], key: str) -> list[float]:
    return [value for step in steps if (value := getattr(step, key)) is not None]


def _p95_of_all(steps: Sequence[StepResult], key: str) -> float | None:
    """None if it did not happen in each step."""
    found = _values(steps, key)
    return _p95(found) if len(found) == len(steps) else None


def _largest(steps: Sequence[StepResult], key: str) -> float | None:
    """None if it did not happen in each step."""
    found = _values(steps, key)
    return max(found) if found and len(found) == len(steps) else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
