"""The two runs of the trap as charts and figures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median

from rich.table import Table

from cartwheel.charts.svg_file import Column, Panel, Series, to_svg
from cartwheel.cpu_trap.experiment import DELAY, STAGES, Experiment

TITLES: Mapping[str, str] = {"cpu": "scaled by CPU", "requests": "scaled by requests"}
CPU_TARGET = 60.0
# Seconds over which a line of the chart is averaged: a replica's CPU is read in steps of 10 ms.
SMOOTHING = 5
# Milliseconds; the chart is cut off above.
MAX_LATENCY = 1000.0


def draw(experiments: Sequence[Experiment]) -> str:
    """Both runs side by side, as an SVG file."""
    return to_svg([_column(one) for one in experiments], title="The CPU trap")


def to_json(experiments: Sequence[Experiment], machine: Mapping[str, str]) -> str:
    document = {
        "machine": machine,
        "stages": STAGES,
        "delay": DELAY,
        "experiments": [asdict(one) for one in experiments],
    }
    return json.dumps(document, indent=1) + "\n"


def table(experiments: Sequence[Experiment]) -> Table:
    """At the peak, when the autoscalers have had time."""
    found = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    found.add_column("")
    for one in experiments:
        found.add_column(TITLES[one.metric], justify="right")
    for label, text in ROWS.items():
        found.add_row(label, *(text(one) for one in experiments))
    return found


def _mean(experiment: Experiment, name: str) -> float:
    values = _values(experiment, name)
    return sum(values) / len(values)


def _values(experiment: Experiment, name: str) -> list[float]:
    """Of one figure at the peak; seconds without a value do not count."""
    values = [getattr(one, name) for one in experiment.at_peak()]
    return [value for value in values if value is not None] or [0.0]


ROWS: Mapping[str, Callable[[Experiment], str]] = {
    "replicas at the peak": lambda one: f"{median(s.ready for s in one.at_peak()):g}",
    "CPU of a replica, % of its request": lambda one: f"{_mean(one, 'cpu'):.0f}",
    "half of the requests take more than, ms": lambda one: (
        f"{1000 * median(_values(one, 'p50')):.0f}"
    ),
    "failed requests, %": lambda one: f"{100 * _mean(one, 'failed') / _mean(one, 'asked'):.0f}",
}


def _column(experiment: Experiment) -> Column:
    samples = experiment.samples

    def points(name: str, factor: float = 1.0) -> list[tuple[float, float]]:
        return [
            (one.at, value * factor) for one in samples if (value := getattr(one, name)) is not None
        ]

    panels = (
        Panel(
            "requests a second",
            [Series("asked", "ink", points("asked"), is_stepped=False)],
            limit=Series("succeeded", "good", points("achieved"), is_stepped=False),
        ),
        Panel(
            "latency, p50, ms (a failed request counts as 10 s)",
            [Series("", "accent", points("p50", 1000), is_stepped=False)],
            max_value=MAX_LATENCY,
        ),
        Panel(
            "CPU of a replica, % of its request",
            [
                Series("", "ink", _smoothed(points("cpu")), is_stepped=False),
                Series("target", "good dashed", [(samples[0].at, CPU_TARGET)]),
            ],
        ),
        Panel(
            "replicas",
            [
                Series("desired", "amber", points("desired")),
                Series("ready", "good", points("ready")),
            ],
        ),
    )
    title = f"The cart, {TITLES[experiment.metric]}"
    return Column(title, panels, samples[0].at, samples[-1].at)


def _smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found = []
    for number, (at, _) in enumerate(points):
        values = [value for _, value in points[max(number - SMOOTHING + 1, 0) : number + 1]]
        found.append((at, sum(values) / len(values)))
    return found
