"""The charts of simulated runs: load against capacity, utilization, replicas."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from cartwheel.charts.svg_file import Column, Panel, Point, Series
from cartwheel.simulation.load_shape import LoadShape
from cartwheel.simulation.run import Run

# A line has no more points than its chart has pixels.
MAX_POINTS = 360
MAX_MARKS = 500
# Beyond this share of the capacity the chart of the utilization is cut off.
MAX_UTILIZATION = 150.0


def columns(runs: Sequence[Run]) -> list[Column]:
    """A column for each run."""
    return [_column(run) for run in runs]


def _column(run: Run) -> Column:
    load = _load(run.shape)
    capacity = _thinned(
        [(at, count * run.assumptions.capacity) for at, count in run.ready_counts], run.shape, min
    )
    panels = (
        Panel(
            "requests a second",
            [Series("arrivals", "ink", load)],
            limit=Series("capacity", "good dashed", capacity),
        ),
        Panel(
            "utilization of the capacity, %",
            [Series("", "ink", _utilization(load, capacity))],
            limit=Series("100 %", "accent dashed", [(run.shape.start, 100.0)]),
            max_value=MAX_UTILIZATION,
        ),
        Panel(
            "replicas",
            [
                Series("desired", "amber", _thinned(_floats(run.counts), run.shape, max)),
                Series("ready", "good", _thinned(_floats(run.ready_counts), run.shape, min)),
            ],
        ),
    )
    marks = [
        (one.at, f"{one.before} → {one.after} {' '.join(one.sentences)}".strip())
        for one in run.changes[:MAX_MARKS]
    ]
    return Column(run.name, panels, run.shape.start, run.shape.end, marks)


def _floats(counts: Sequence[tuple[float, int]]) -> list[Point]:
    return [(at, float(count)) for at, count in counts]


def _load(shape: LoadShape) -> list[Point]:
    return _thinned(list(zip(shape.times, shape.rates, strict=True)), shape, max)


def _thinned(
    points: Sequence[Point], shape: LoadShape, choose: Callable[[list[float]], float]
) -> list[Point]:
    """At most one value for each pixel: the highest or lowest that holds there at any time."""
    if len(points) <= MAX_POINTS:
        return list(points)
    width = (shape.end - shape.start) / MAX_POINTS
    times = [at for at, _ in points]
    found = []
    for pixel in range(MAX_POINTS):
        at = shape.start + pixel * width
        first = max(bisect_right(times, at) - 1, 0)
        last = bisect_left(times, at + width)
        found.append((at, choose([value for _, value in points[first : max(last, first + 1)]])))
    return found


def _utilization(load: Sequence[Point], capacity: Sequence[Point]) -> list[Point]:
    times = sorted({at for at, _ in (*load, *capacity)})
    found = []
    for at in times:
        offered, possible = _at(load, at), _at(capacity, at)
        share = 100 * offered / possible if possible else MAX_UTILIZATION if offered else 0.0
        found.append((at, share))
    return found


def _at(points: Sequence[Point], at: float) -> float:
    return points[max(bisect_right(points, at, key=lambda point: point[0]) - 1, 0)][1]
