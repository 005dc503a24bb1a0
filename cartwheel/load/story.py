"""The load of `cartwheel load` without a rate: it shows the cart scale within a minute."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cartwheel.load.local_run import LocalRun
from cartwheel.load.session import Session
from loadtest.arrivals import Stage

QUIET, STEP = 20, 200
STAGES: Sequence[Stage] = [
    Stage.constant(QUIET, seconds=6),
    Stage.constant(STEP, seconds=18),
    Stage.constant(QUIET, seconds=36),
]


def introduction(run: LocalRun | None) -> Iterator[str]:
    """What is going to be seen."""
    yield (
        f"One minute of load: {QUIET} requests a second, a step to {STEP} after 6 s, back to "
        f"{QUIET} after 24 s."
    )
    if run is None:
        yield "The replicas of a cluster are not shown here: kubectl -n cartwheel get hpa cart -w"
    elif not run.has_autoscaler:
        yield (
            "The autoscaler of this run is off, so the number of carts stays as it is. To see it "
            "change, start the shop with cartwheel up --autoscale requests."
        )
    else:
        yield (
            "Watch the cart grow within seconds of the step. About 20 s after the load has gone "
            "it begins to shrink: until then the autoscaler keeps the highest count that it has "
            "recommended (the stabilization window)."
        )


def conclusion(session: Session) -> Iterator[str]:
    """What was seen of the replicas."""
    if not session.replicas:
        return
    first, last = session.replicas[0], session.replicas[-1]
    yield (
        f"{session.service}: {first.desired} replicas at the start, at most "
        f"{session.most_serving} serving, {last.desired} at the end; "
        f"{len(session.decisions)} decisions to change."
    )
    yield from _reactions(session)


def _reactions(session: Session) -> Iterator[str]:
    """How soon the autoscaler followed each step up."""
    at = session.started_at or 0.0
    for before, stage in pairwise(session.stages):
        at += before.seconds
        if stage.rate <= before.end_rate:
            continue
        decisions = [
            one
            for one in session.decisions
            if at <= one.at < at + stage.seconds and one.desired > one.current
        ]
        if not decisions:
            continue
        most = max(one.desired for one in decisions)
        sentence = (
            f"After the step to {stage.rate:g} requests a second: the first decision after "
            f"{decisions[0].at - at:.1f} s"
        )
        served = next((c.at for c in session.replicas if c.at >= at and c.serving >= most), None)
        yield sentence + (f", {most} serving after {served - at:.1f} s." if served else ".")
