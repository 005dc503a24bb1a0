"""The load of `cartwheel load` without a rate: it shows the cart scale within a minute."""

from collections.abc import Iterator, Sequence

from cartwheel.load.local_run import LocalRun
from cartwheel.load.session import Session
from loadtest.arrivals import Stage

QUIET, STEP = 20, 240
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
        f"{len(session.decisions)} changes."
    )
