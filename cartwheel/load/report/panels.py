"""What the charts of a load show: arrivals, latency and replicas."""

from collections.abc import Iterator, Sequence

from cartwheel.charts.axis import TimeAxis, round_up
from cartwheel.charts.chart import Panel, Point, Series
from cartwheel.charts.page import MARK, Track, Value
from cartwheel.load.session import ReplicaCounts, Session
from loadtest.figures import Figures, whole_seconds
from loadtest.statistics import TIMEOUT

MAX_COUNTS = 1000
"""Changes of the replicas that are drawn: a chart is as many units wide."""
USUAL_SHARE = 0.98
"""Of the latencies that set the scale: one slow second must not flatten all others."""


def panels_of(session: Session) -> Iterator[Panel]:
    yield from panels_of_figures(session.figures)
    if session.replicas:
        yield _replicas(session)


def panels_of_figures(figures: Sequence[Figures]) -> Iterator[Panel]:
    """How many requests there were, and how long they took."""
    whole = whole_seconds(figures)
    yield _arrivals(whole)
    yield _latency(whole)


def track_of_figures(figures: Sequence[Figures], axis: TimeAxis) -> Track:
    """The figures of each second, for the readout."""
    latencies = [f"{name} {MARK} ms" for name in ("p50", "p95", "p99")]
    words = [f"{MARK} s", f"asked {MARK}/s", f"achieved {MARK}/s", *latencies, f"failed {MARK}"]
    return Track(words, [(one.at, _values(one, axis)) for one in figures])


def _values(figures: Figures, axis: TimeAxis) -> Sequence[Value]:
    quantiles = (figures.p50, figures.p95, figures.p99)
    return [
        round(figures.at - axis.start, 1),
        round(figures.asked),
        round(figures.achieved),
        *(None if value is None else round(1000 * value, 1) for value in quantiles),
        figures.failed + figures.missed,
    ]


def thinned(counts: Sequence[ReplicaCounts]) -> Sequence[ReplicaCounts]:
    """The first, the last, and of those between at most `MAX_COUNTS`, of neighbours the highest."""
    between = counts[1:-1]
    size = -(-len(between) // MAX_COUNTS) or 1
    groups = [between[index : index + size] for index in range(0, len(between), size)]
    highest = [max(group, key=lambda one: one.desired) for group in groups]
    return [*counts[:1], *highest, *(counts[-1:] if len(counts) > 1 else [])]


def _arrivals(figures: Sequence[Figures]) -> Panel:
    asked = Series("asked", "quiet", [(one.at, one.asked) for one in figures])
    achieved = Series("achieved", "good", [(one.at, one.achieved) for one in figures])
    lost: Sequence[Point] = [(one.at, (one.failed + one.missed) / one.seconds) for one in figures]
    series = [asked, achieved]
    if any(value for _, value in lost):
        series.append(Series("failed", "bad", lost))
    top = round_up(max(max(one.asked, one.achieved) for one in figures) or 1)
    return Panel(
        "Requests per second",
        f"At most {max(one.asked for one in figures):.0f} requests a second were asked for, and "
        f"at most {max(one.achieved for one in figures):.0f} achieved.",
        series,
        top,
        [(0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")],
    )


def _latency(figures: Sequence[Figures]) -> Panel:
    usual = sorted(one.p99 for one in figures if one.p99 is not None and one.p99 < TIMEOUT)
    highest = usual[int(USUAL_SHARE * (len(usual) - 1))] if usual else TIMEOUT
    top = round_up(1000 * highest)
    series = [
        Series(name, kind, [(one.at, _milliseconds(getattr(one, name))) for one in figures])
        for name, kind in (("p99", "quiet"), ("p95", "amber"), ("p50", "good"))
    ]
    is_higher = any(one.p99 is not None and 1000 * one.p99 > top for one in figures)
    return Panel(
        f"Latency, ms{' (higher values at the upper edge)' if is_higher else ''}",
        f"In most seconds the p99 was at most {1000 * highest:.0f} ms. Higher values are drawn "
        "at the upper edge.",
        series,
        top,
        [(0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")],
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _replicas(session: Session) -> Panel:
    most = max(max(one.desired, one.ready, one.serving) for one in session.replicas)
    counts = thinned(session.replicas)
    series = [
        Series("desired", "quiet dashed", _steps(counts, "desired"), is_stepped=True),
        Series("ready", "amber", _steps(counts, "ready"), is_stepped=True),
        Series("serving", "good", _steps(counts, "serving"), is_stepped=True),
    ]
    top = most + 1
    step = max(round(top / 4), 1)
    return Panel(
        f"Replicas of {session.service}",
        f"At most {most} replicas; {counts[-1].desired} at the end.",
        series,
        top,
        [(value, str(value)) for value in range(0, top + 1, step)],
    )


def _steps(counts: Sequence[ReplicaCounts], name: str) -> Sequence[Point]:
    return [(one.at, getattr(one, name)) for one in counts]
