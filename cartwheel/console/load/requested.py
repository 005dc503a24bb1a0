"""What somebody at the page asks for, checked: a scenario, and stages within the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cartwheel.errors import UsageError
from loadtest.arrivals import InvalidStages, Stage, parse_stages
from loadtest.scenarios import SCENARIOS

MIN_RATE, MAX_RATE = 1.0, 500.0
"""Requests a second. A laptop with two cores serves about as many; the engine could send more."""
MIN_SECONDS, MAX_SECONDS = 1.0, 600.0
DEFAULT_SCENARIO = "cart-add"
DEFAULT_RATE, DEFAULT_SECONDS = 50.0, 300.0
MEMBERS = ("scenario", "rate", "seconds", "stages")


@dataclass(frozen=True)
class RequestedLoad:
    """Without a scenario: the one that runs, or else the default."""

    scenario: str | None
    stages: Sequence[Stage]


def read_requested(body: Mapping[str, Any]) -> RequestedLoad:
    """Read ``{scenario, rate | stages, seconds}``. Raises `UsageError`."""
    if unknown := sorted(set(body) - set(MEMBERS)):
        raise UsageError(f"{unknown[0]!r} is not part of a load: write {', '.join(MEMBERS)}.")
    scenario = body.get("scenario")
    if scenario is not None and scenario not in list(SCENARIOS):
        raise UsageError(f"There is no scenario {scenario!r}: choose {', '.join(SCENARIOS)}.")
    return RequestedLoad(scenario, _stages(body))


def _stages(body: Mapping[str, Any]) -> Sequence[Stage]:
    text = body.get("stages")
    if text is not None:
        if body.get("rate") is not None or body.get("seconds") is not None:
            raise UsageError("Stages have rates and durations of their own: omit rate and seconds.")
        return read_stages(text)
    if body.get("rate") is None:
        raise UsageError("A load needs a rate, or stages.")
    rate = _number(body, "rate", MIN_RATE, MAX_RATE, "requests a second; DELETE ends the load")
    if body.get("seconds") is None:
        return [Stage.constant(rate, seconds=DEFAULT_SECONDS)]
    seconds = _number(body, "seconds", MIN_SECONDS, MAX_SECONDS, "seconds")
    return [Stage.constant(rate, seconds=seconds)]


def read_stages(text: Any) -> Sequence[Stage]:
    """The stages of ``30s:50,1m:50..400``, within the limits. Raises `UsageError`."""
    if not isinstance(text, str):
        raise UsageError("Stages are a text, as 30s:50,1m:50..400.")
    try:
        stages = parse_stages(text, max_seconds=MAX_SECONDS, max_rate=MAX_RATE)
    except InvalidStages as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    if not any(stage.arrivals for stage in stages):
        raise UsageError("A load needs a rate of more than 0.")
    return stages


def _number(body: Mapping[str, Any], name: str, minimum: float, maximum: float, unit: str) -> float:
    value = body[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not minimum <= value <= maximum:
        raise UsageError(f"{name} must be a number from {minimum:g} to {maximum:g} {unit}.")
    return float(value)
