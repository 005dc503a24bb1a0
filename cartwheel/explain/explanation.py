"""What every source of explanations returns: the local run, a recording, a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaState, generated_autoscaler, metric_order
from cartwheel.autoscaling.keda_sentences import explain_pause
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.outlook import look_ahead
from cartwheel.autoscaling.outlook_sentences import describe_outlook, describe_rest
from cartwheel.autoscaling.pausing import explain_disabled
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.sentence import Sentence
from cartwheel.autoscaling.sentences import explain
from cartwheel.autoscaling.spec import ControllerOptions, HorizontalPodAutoscalerSpec
from cartwheel.autoscaling.state import State


@dataclass(frozen=True)
class Explanation:
    """Why an autoscaler wants its count.

    ``autoscaler`` is no more than its title if it cannot be read. ``source`` says where it was
    seen, ``at`` when. ``sentences`` begin with what happens to the count; ``outlook`` is what would
    change it next. ``notes`` are what could not be seen, and so is missing. Without a ``decision``
    nothing could be computed. ``manifest`` is the YAML that was in force, if it is known.
    """

    autoscaler: Autoscaler | str
    source: str
    at: float
    sentences: Sequence[Sentence]
    outlook: Sequence[Sentence] = ()
    notes: Sequence[str] = ()
    observation: Observation | None = None
    decision: Decision | None = None
    manifest: str = ""

    @property
    def title(self) -> str:
        """As `kubectl` names it: ``hpa/cart``."""
        if isinstance(self.autoscaler, str):
            return self.autoscaler
        kind = "scaledobject" if isinstance(self.autoscaler, ScaledObject) else "hpa"
        return f"{kind}/{self.autoscaler.name}"


@dataclass(frozen=True)
class Sync:
    """A sync to explain. ``state`` is that after it; None if it is not known.

    ``units`` are words such as ``requests/s`` by the name of a metric.
    """

    autoscaler: Autoscaler
    options: ControllerOptions
    observation: Observation
    decision: Decision
    state: State | KedaState | None
    units: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""


def explain_sync(
    sync: Sync, *, source: str, now: float | None = None, notes: Sequence[str] = ()
) -> Explanation:
    """Explain a decision. Seconds left are counted from ``now``, by default from the decision."""
    spec = _spec_of(sync.autoscaler)
    sentences = explain(
        sync.decision,
        spec,
        observation=sync.observation,
        options=sync.options,
        units=sync.units,
        now=now,
    )
    sentences += explain_disabled(sync.autoscaler.behavior)
    outlook = _outlook(sync, spec, now)
    if isinstance(sync.autoscaler, ScaledObject):
        sentences += explain_pause(sync.autoscaler.pause)
        outlook += describe_rest(sync.autoscaler, sync.decision.desired, units=sync.units)
    return Explanation(
        sync.autoscaler,
        source,
        sync.decision.at,
        sentences,
        outlook,
        notes,
        sync.observation,
        sync.decision,
        sync.manifest,
    )


def _spec_of(autoscaler: Autoscaler) -> HorizontalPodAutoscalerSpec:
    """The autoscaler itself, or the one that KEDA makes."""
    if isinstance(autoscaler, ScaledObject):
        return generated_autoscaler(autoscaler)
    return autoscaler


def _outlook(sync: Sync, spec: HorizontalPodAutoscalerSpec, now: float | None) -> list[Sentence]:
    state = sync.state.hpa if isinstance(sync.state, KedaState) else sync.state
    if state is None:
        return []
    observation = sync.observation
    if isinstance(sync.autoscaler, ScaledObject):
        readings = [observation.readings[n] for n in metric_order(sync.autoscaler)]
        observation = replace(observation, readings=readings)
    found = look_ahead(spec, observation, sync.decision, state=state, options=sync.options, now=now)
    return describe_outlook(found, spec, options=sync.options, units=sync.units)
