"""What happens, in a few words: a pure function of a frame and the one before.

It is read aloud when it changes, so it does not change with each wobble of a number: what the
headline before says holds until its number is clearly on the other side (`Limit`).
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cartwheel.mesh import AutoscalerState, Frame, LoadState, ReplicaState, ServiceState
from cartwheel.mesh.frame import OUTSIDE


@dataclass(frozen=True)
class Limit:
    """A number is worth a headline from ``enter`` on, and stays in it down to ``hold``."""

    enter: float
    hold: float

    def of(self, words: str, before: Frame | None) -> float:
        """The one that counts for a headline that has these words."""
        return self.hold if before is not None and words in before.headline else self.enter


SLOW = Limit(0.5, 0.4)
"""Seconds: the 95th percentile of a service."""
ERRORS = Limit(0.01, 0.005)
SHED = Limit(1.0, 0.3)
"""Requests per second."""
OVER_TARGET = Limit(1.2, 1.1)
"""Arrivals by the capacity. The autoscaler tolerates a tenth, and arrivals of seconds wobble."""
ABOVE_TARGET = Limit(1.05, 1.0)
"""The same, for what the autoscaler tolerates or has no replica for, and yet is not steady."""
SHORT = Limit(0.1, 0.05)
"""The share of a load that is not achieved."""
OVERLOADED, ABOVE = "Overloaded", "Above target"
SAME = 0.06
"""A rate that differs by less from the one in the headline is not another one."""
SAME_OVERLOAD = 0.2
"""Under overload rates wobble more."""
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
    # Of a fault with several effects that is not in the catalogue, the title says them all.
    first, *others = [effect for one in frame.faults for effect in one.title.split("; ")]
    return f"Fault: {first}{f', and {len(others)} more' if others else ''}"


def _open_breaker(frame: Frame, _: Frame | None) -> str:
    edge = next((one for one in frame.edges if one.open_breakers), None)
    return f"{edge.source} has suspended its calls to {edge.target}" if edge else ""


def _errors(frame: Frame, before: Frame | None) -> str:
    worst = max(frame.services, key=lambda one: one.errors or 0.0, default=None)
    if worst is None:
        return ""
    words, share = f"requests to {worst.name} fail", worst.errors or 0.0
    if share < ERRORS.of(words, before):
        return ""
    amount = "A few" if share < 0.05 else "Some" if share < 0.25 else "Many"
    return f"{amount} {words}"


def _shedding(frame: Frame, before: Frame | None) -> str:
    worst = max(frame.services, key=lambda one: one.shed or 0.0, default=None)
    if worst is None:
        return ""
    words = f"{worst.name} sheds requests"
    return words if (worst.shed or 0.0) >= SHED.of(words, before) else ""


def _slow(frame: Frame, before: Frame | None) -> str:
    """The service that makes the others slow: none of those that it calls is slow."""
    limit = SLOW.of("slow", before)
    slow = {one.name for one in frame.services if (one.p95 or 0.0) >= limit}
    calls = [one for one in frame.edges if one.source != OUTSIDE and (one.p95 or 0.0) >= limit]
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


def _overload_that_stays(frame: Frame, before: Frame | None) -> str:
    """The autoscaler adds no replica."""
    autoscaler = frame.autoscaler
    if autoscaler is None or autoscaler.is_paused:
        return _overload(frame, before)
    is_complete = _is_at_maximum(autoscaler) and autoscaler.ready >= autoscaler.desired
    return _overload(frame, before) if is_complete else ""


def _overload_for_now(frame: Frame, before: Frame | None) -> str:
    """The autoscaler may end it in a moment: not told before the second frame."""
    now, earlier = frame.autoscaler, before.autoscaler if before else None
    if now is not None and earlier is not None:
        is_new = _is_over_target(now, before) and not _is_over_target(earlier, before)
        return "" if is_new else _overload(frame, before)
    return _overload(frame, before)


def _overload(frame: Frame, before: Frame | None) -> str:
    autoscaler = frame.autoscaler
    if autoscaler is not None and _is_over_target(autoscaler, before):
        words = f"{OVERLOADED}{_where(autoscaler)}"
        if autoscaler.capacity is None or autoscaler.arrivals is None:
            return f"{words}: {autoscaler.service} is above its target"
        rate = _steady_rate(autoscaler.arrivals, before, same=SAME_OVERLOAD)
        return f"{words}: {rate} requests/s, capacity {autoscaler.capacity:,.0f}/s"
    if frame.load is not None and _falls_short(frame.load, before):
        rate = _steady_rate(frame.load.achieved or 0.0, before, same=SAME_OVERLOAD)
        return f"{OVERLOADED}: {rate} requests/s of {_rounded(frame.load.asked)}/s achieved"
    return ""


def _is_over_target(autoscaler: AutoscalerState, before: Frame | None) -> bool:
    return _share_of_target(autoscaler) >= OVER_TARGET.of(OVERLOADED, before)


def _is_above_target(frame: Frame, before: Frame | None) -> bool:
    """Not before the second frame: a load that rises passes by here."""
    now, earlier = frame.autoscaler, before.autoscaler if before else None
    if now is None:
        return False
    share = min(_share_of_target(one) for one in (now, earlier) if one is not None)
    return share >= min(ABOVE_TARGET.of(words, before) for words in (ABOVE, OVERLOADED))


def _share_of_target(autoscaler: AutoscalerState) -> float:
    """Of the requests that arrive now; of its last value if it scales on something else."""
    if autoscaler.capacity is not None and autoscaler.arrivals is not None:
        if not autoscaler.capacity:
            return math.inf if autoscaler.arrivals > 0 else 0.0
        return autoscaler.arrivals / autoscaler.capacity
    if autoscaler.value is None or not autoscaler.target:
        return 0.0
    return autoscaler.value / autoscaler.target


def _falls_short(load: LoadState, before: Frame | None) -> bool:
    """What was asked for a moment ago may still be under way, unless some of it failed."""
    if load.achieved is None or load.achieved > (1 - SHORT.of("achieved", before)) * load.asked:
        return False
    if before is None or before.load is None:
        return False
    is_told = before.headline.startswith(OVERLOADED)
    return is_told or load.failed + load.missed > before.load.failed + before.load.missed


def _where(autoscaler: AutoscalerState) -> str:
    if autoscaler.is_paused:
        return f", paused at {_count(autoscaler.desired)}"
    return f" at the maximum of {_count(autoscaler.max)}" if _is_at_maximum(autoscaler) else ""


def _is_at_maximum(autoscaler: AutoscalerState) -> bool:
    return autoscaler.desired >= autoscaler.max


def _steady(frame: Frame, before: Frame | None) -> str:
    if not frame.services:
        return ""
    autoscaler = frame.autoscaler
    words = ABOVE if _is_above_target(frame, before) else "Steady"
    if autoscaler is not None and autoscaler.serving and autoscaler.arrivals:
        rate = _steady_rate(autoscaler.arrivals, before)
        return f"{words}: {_count(autoscaler.serving)} {_serve(autoscaler)} {rate} requests/s"
    rate = _steady_rate(sum(one.rate for one in frame.edges if one.source == OUTSIDE), before)
    return f"{words}: {rate} requests/s"


def _steady_rate(rate: float, before: Frame | None, *, same: float = SAME) -> str:
    """The rate in the headline before while it is about right."""
    match = _RATE.search(before.headline) if before else None
    if match and abs(float(match[1].replace(",", "")) - rate) <= same * rate:
        return match[1]
    return _rounded(rate)


def _rounded(rate: float) -> str:
    """To two digits."""
    return f"{rate:.1f}" if 0.05 <= rate < 1 else f"{float(f'{rate:.2g}'):,.0f}"


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
    _overload_that_stays,
    _shedding,
    _slow,
    _pause,
    _scaling,
    _no_traffic,
    _overload_for_now,
    _steady,
)
