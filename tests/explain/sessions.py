"""Sessions of the cart's real autoscalers, as the local run records them."""

from collections.abc import Sequence
from pathlib import Path

from cartwheel.autoscaling.keda import KedaAutoscaler, KedaState
from cartwheel.autoscaling.manifests import read_autoscalers
from cartwheel.autoscaling.observation import Observation, Scale, Unavailable, Values
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.recording import Recorder, SessionStarted, Synced

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "manifests/components/autoscaling-requests/scaledobject.yaml"
OPTIONS = ControllerOptions(sync_period=5.0)
UNITS = {"s0-prometheus": "requests/s"}


def scaled_object() -> ScaledObject:
    (found,) = read_autoscalers([MANIFEST])
    assert isinstance(found, ScaledObject)
    return found


def syncs(rates: Sequence[int | None], *, begin: float) -> tuple[list[Synced], KedaState]:
    """One sync every 5 s at these rates, from two replicas on; None: Prometheus is down."""
    autoscaler, count, found = KedaAutoscaler(scaled_object(), OPTIONS), 2, []
    for step, rate in enumerate(rates):
        reading = Unavailable("no response") if rate is None else Values([rate * 1000])
        seen = Observation(begin + 5.0 * step, Scale(count, count), [], [reading])
        decision = autoscaler.sync(seen)
        found.append(Synced(seen.at, "cart", seen, decision))
        count = decision.desired
    return found, autoscaler.state


def record(path: Path, rates: Sequence[int | None], *, begin: float) -> None:
    """Append a session to the recording."""
    recorder = Recorder(path)
    recorder.record(SessionStarted(begin, scaled_object(), OPTIONS, UNITS))
    for sync in syncs(rates, begin=begin)[0]:
        recorder.record(sync)
    recorder.close()
