"""What happens, in a few words: a pure function of a frame and the one before.

It is read aloud when it changes, so it does not change with each wobble of a number.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from cartwheel.mesh import AutoscalerState, Frame, ReplicaState, ServiceState
from cartwheel.mesh.frame import OUTSIDE

SLOW = 0.5
"""Seconds: a 95th percentile that is worth a headline."""
MIN_ERRORS = 0.01
MIN_SHED = 1.0
"""Requests per second."""
MIN_OVER_TARGET = 1.1
SAME = 0.06
"""A rate that differs by less from the one in the headline is not another one."""
NO_TRAFFIC, NO_TRAFFIC_YET = "No traffic now", "No traffic yet"
STARTING, MEASURING = "The shop is starting", "Measuring the traffic"
BEGINNING = ("", STARTING, MEASURING, NO_TRAFFIC_YET)
"""Headlines before there was any traffic."""
_SCALING = re.compile(r"Scaling (?:out|in): (\d+) → ")
_RATE = re.compile(r"([\d,.]+) requests/s")

Words = Callable[[Frame, Frame | None], str]


def headline_of(frame: Frame, before: Frame | None) -> str:
    """The most urgent of what there is to say."""
    return next((found for words in _BY_URGENCY if (found := words(frame, before))), "")


def _nothing_to_see(frame: Frame, _: Frame | None) -> str:
    """The whole problem is beside the map."""
    if not frame.services:
        return frame.problem.partition(". ")[0]
    phases = {one.phase for one in _replicas(frame)}
    if phases & {"ready", "serving"}:
        return ""
    if "starting" in phases:
        return STARTING
    return "The shop is stopping" if "draining" in phases else ""


def _crash(frame: Frame, _: Frame | None) -> str:
    crashed = [one.name for one in _replicas(frame) if one.phase == "crashed"]
    if not crashed:
        return ""
    if len(crashed) == 1:
        return f"{crashed[0]} crashed; it starts again"
    return f"{len(crashed)} replicas crashed; they start again"


def _fault(frame: Frame, _: Frame | None) -> str:
    if not frame.faults:
        return ""
    first, *others = frame.faults
    return f"Fault in force: {first.title}{f', and {len(others)} more' if others else ''}"


def _open_breaker(frame: Frame, _: Frame | None) -> str:
    edge = next((one for one in frame.edges if one.open_breakers), None)
    return f"{edge.source} has suspended its calls to {edge.target}" if edge else ""


def _errors(frame: Frame, _: Frame | None) -> str:
    worst = max(frame.services, key=lambda one: one.errors or 0.0, default=None)
    share = (worst.errors or 0.0) if worst else 0.0
    if worst is None or share < MIN_ERRORS:
        return ""
    amount = "A few" if share < 0.05 else "Some" if share < 0.25 else "Many"
    return f"{amount} requests to {worst.name} fail"


def _shedding(frame: Frame, _: Frame | None) -> str:
    worst = max(frame.services, key=lambda one: one.shed or 0.0, default=None)
    if worst is None or (worst.shed or 0.0) < MIN_SHED:
        return ""
    return f"{worst.name} sheds requests"


def _slow(frame: Frame, _: Frame | None) -> str:
    """The service that makes the others slow: none of those that it calls is slow."""
    slow = {one.name for one in frame.services if (one.p95 or 0.0) >= SLOW}
    calls = [one for one in frame.edges if one.source != OUTSIDE and (one.p95 or 0.0) >= SLOW]
    waiting = {one.source for one in calls}
    if causes := [name for name in slow if name not in waiting]:
        return f"{min(causes)} responds slowly"
    if calls:
        return f"Calls of {calls[-1].source} to {calls[-1].target} are slow"
    return ""


def _pause(frame: Frame, _: Frame | None) -> str:
    autoscaler = frame.autoscaler
    if autoscaler is None or not autoscaler.is_paused:
        return ""
    return f"The autoscaler is paused at {_count(autoscaler.desired)}"


def _scaling(frame: Frame, before: Frame | None) -> str:
    for service in frame.services:
        earlier = _desired(before, service.name)
        if found := _scaling_out(service, earlier, before) or _scaling_in(service, earlier, before):
            return found
    return ""


def _scaling_out(service: ServiceState, earlier: int, before: Frame | None) -> str:
    """For a moment at least; until all replicas are ready, and under load until all serve."""
    phases = [one.phase for one in service.replicas]
    serving = phases.count("serving")
    ready = serving + phases.count("ready")
    begins = 0 < earlier < service.desired
    goes_on = before is not None and before.headline.startswith("Scaling out")
    is_loaded = (service.rate or 0.0) >= service.desired
    is_going_on = goes_on and serving < service.desired and (ready < service.desired or is_loaded)
    if not begins and not is_going_on:
        return ""
    start = _start_of_scaling(before, earlier) if goes_on else earlier
    if start >= service.desired:
        return ""
    return f"Scaling out: {start} → {service.desired}, {serving} serving"


def _scaling_in(service: ServiceState, earlier: int, before: Frame | None) -> str:
    """Until the surplus replicas have drained."""
    draining = [one for one in service.replicas if one.phase == "draining"]
    if not draining and not service.desired < earlier:
        return ""
    start = max(_start_of_scaling(before, earlier), earlier)
    return f"Scaling in: {start} → {service.desired}" if start > service.desired else ""


def _start_of_scaling(before: Frame | None, otherwise: int) -> int:
    """The count from which it scales, as the headline before says."""
    match = _SCALING.match(before.headline) if before else None
    return int(match[1]) if match else otherwise


def _no_traffic(frame: Frame, before: Frame | None) -> str:
    if not frame.services or any(one.source == OUTSIDE for one in frame.edges):
        return ""
    if all(one.rate is None for one in frame.services):
        return MEASURING
    is_beginning = before is None or not before.services or before.headline in BEGINNING
    return NO_TRAFFIC_YET if is_beginning else NO_TRAFFIC


def _at_maximum(frame: Frame, _: Frame | None) -> str:
    autoscaler = frame.autoscaler
    if autoscaler is None or autoscaler.desired < autoscaler.max or not autoscaler.target:
        return ""
    if (autoscaler.value or 0.0) < MIN_OVER_TARGET * autoscaler.target:
        return ""
    return f"Above the target with all {autoscaler.max} replicas of {autoscaler.service}"


def _steady(frame: Frame, before: Frame | None) -> str:
    if not frame.services:
        return ""
    autoscaler = frame.autoscaler
    if autoscaler is not None and autoscaler.serving and autoscaler.arrivals:
        rate = _steady_rate(autoscaler.arrivals, before)
        return f"Steady: {_count(autoscaler.serving)} {_serve(autoscaler)} {rate} requests/s"
    rate = _steady_rate(sum(one.rate for one in frame.edges if one.source == OUTSIDE), before)
    return f"Steady: {rate} requests/s"


def _steady_rate(rate: float, before: Frame | None) -> str:
    """The rate in the headline before while it is about right; else to two digits."""
    match = _RATE.search(before.headline) if before else None
    if match and abs(float(match[1].replace(",", "")) - rate) <= SAME * rate:
        return match[1]
    return f"{rate:.1f}" if rate < 1 else f"{float(f'{rate:.2g}'):,.0f}"


def _serve(autoscaler: AutoscalerState) -> str:
    return "serves" if autoscaler.serving == 1 else "serve"


def _count(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def _desired(frame: Frame | None, service: str) -> int:
    """0 if it is not known."""
    services = frame.services if frame else ()
    return next((one.desired for one in services if one.name == service), 0)


def _replicas(frame: Frame) -> Iterator[ReplicaState]:
    for service in frame.services:
        yield from service.replicas


_BY_URGENCY: Sequence[Words] = (
    _nothing_to_see,
    _crash,
    _fault,
    _open_breaker,
    _errors,
    _shedding,
    _slow,
    _pause,
    _scaling,
    _no_traffic,
    _at_maximum,
    _steady,
)
