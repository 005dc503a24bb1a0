"""What charts draw of frames: a point each, and few enough of them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cartwheel.mesh import AutoscalerState, Frame
from cartwheel.mesh.frame import OUTSIDE

MIN_SPACING = 1.0
"""Seconds between two frames of a live console."""
OLD_SPACING = 10.0
"""Seconds between two frames that have been kept of an older time."""
GAP_FACTOR = 2.5
"""So many times the usual distance between two points is a gap, of `MIN_GAP` seconds at least."""
MIN_GAP = 6.0
"""Seconds. While nobody looks at a live console, it makes a frame in five."""


class Point(NamedTuple):
    """A moment in the charts; the fields after ``at`` are those of an `AutoscalerState`.

    ``p95`` is the latency of what enters the shop.
    """

    at: float
    arrivals: float | None = None
    capacity: float | None = None
    value: float | None = None
    target: float | None = None
    desired: int | None = None
    ready: int | None = None
    serving: int | None = None
    p95: float | None = None


def point_of(frame: Frame) -> Point:
    """What charts draw of a frame; JSON has no number for what is not finite."""
    found = _point_of_all(frame) if frame.autoscaler is None else _scaled(frame, frame.autoscaler)
    return Point._make(one if one is None or math.isfinite(one) else None for one in found)


def columns(
    points: Iterable[Point], *, start: float, end: float, count: int
) -> dict[str, list[float | None]]:
    """At most about ``count`` points, each the last one of its share of the time.

    A point without values stands where nothing was recorded.
    """
    width = max(MIN_SPACING, (end - start) / max(1, count))
    rows = list(_with_gaps(_thinned(points, start=start, width=width), width))
    return {name: [row[n] for row in rows] for n, name in enumerate(Point._fields)}


def _scaled(frame: Frame, autoscaler: AutoscalerState) -> Point:
    return Point(
        frame.at,
        autoscaler.arrivals,
        autoscaler.capacity,
        autoscaler.value,
        autoscaler.target,
        autoscaler.desired,
        autoscaler.ready,
        autoscaler.serving,
        _latency(frame),
    )


def _point_of_all(frame: Frame) -> Point:
    """Without an autoscaler: what enters the shop, and all its replicas."""
    if not frame.services and not frame.edges:
        return Point(frame.at)
    phases = [one.phase for service in frame.services for one in service.replicas]
    serving = phases.count("serving")
    is_measured = bool(frame.edges) or any(one.rate is not None for one in frame.services)
    arrivals = sum(one.rate for one in frame.edges if one.source == OUTSIDE)
    return Point(
        frame.at,
        arrivals=arrivals if is_measured else None,
        desired=sum(one.desired for one in frame.services),
        ready=serving + phases.count("ready"),
        serving=serving if is_measured else None,
        p95=_latency(frame),
    )


def _latency(frame: Frame) -> float | None:
    """On the busiest edge from outside; if that is unknown there, as the service sees it."""
    entries = [one for one in frame.edges if one.source == OUTSIDE]
    if not entries:
        return None
    entry = max(entries, key=lambda one: one.rate)
    if entry.p95 is not None:
        return entry.p95
    return next((one.p95 for one in frame.services if one.name == entry.target), None)


def _thinned(points: Iterable[Point], *, start: float, width: float) -> Iterator[Point]:
    last: Point | None = None
    share = 0
    for point in points:
        own = int((point.at - start) / width)
        if last is not None and own != share:
            yield last
        last, share = point, own
    if last is not None:
        yield last


def _with_gaps(points: Iterable[Point], width: float) -> Iterator[Sequence[Any]]:
    """The usual distance is that to the points on both sides: it differs in old and new parts."""
    found = list(points)
    distances = [later.at - one.at for one, later in pairwise(found)]
    for index, point in enumerate(found):
        yield point
        if index < len(distances):
            around = distances[max(0, index - 1) : index] + distances[index + 1 : index + 2]
            usual = max(width, *(around or [OLD_SPACING]))
            if distances[index] > max(MIN_GAP, GAP_FACTOR * usual):
                yield Point(point.at + MIN_SPACING)
