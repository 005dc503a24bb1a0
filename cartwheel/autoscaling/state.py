"""What the controller remembers of an autoscaler from one sync to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.autoscaling.decision import Condition, Recommendation, ScaleEvent
from cartwheel.autoscaling.spec import Behavior, ScalingRules

SCALED_TO_ZERO = "ScaledToZero"


@dataclass(frozen=True)
class State:
    """A value: a change makes a new one, so it can be kept, compared and written down.

    ``recommendations`` are those before stabilization. ``scale_ups`` and ``scale_downs`` are the
    changes that the policies of `behavior` count. ``conditions`` stay until a sync changes them.
    """

    recommendations: Sequence[Recommendation] = ()
    scale_ups: Sequence[ScaleEvent] = ()
    scale_downs: Sequence[ScaleEvent] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    @property
    def is_scaled_to_zero(self) -> bool:
        """Whether the autoscaler itself set the workload to zero (KEP-2021)."""
        condition = self.conditions.get(SCALED_TO_ZERO)
        return condition is not None and condition.status

    def with_first_recommendation(self, current: Recommendation) -> "State":
        """The count found at first sight counts as recommended (`recordInitialRecommendation`)."""
        if self.recommendations:
            return self
        return State((current,), self.scale_ups, self.scale_downs, self.conditions)

    def with_recommendation(self, new: Recommendation, *, window: float) -> "State":
        """Recommendations too old for the longest window are dropped: they hold nothing back.

        Source: the end of `stabilizeRecommendationWithBehaviors`, which overwrites them.
        """
        oldest = new.at - window
        kept = [one for one in self.recommendations if one.at >= oldest]
        kept.append(new)
        return State(kept, self.scale_ups, self.scale_downs, self.conditions)

    def with_scale_event(self, change: int, at: float, *, behavior: Behavior) -> "State":
        """Source: `storeScaleEvent`, which overwrites the events that no policy counts."""
        if change > 0:
            ups = _with_event(self.scale_ups, ScaleEvent(change, at), behavior.scale_up)
            return State(self.recommendations, ups, self.scale_downs, self.conditions)
        downs = _with_event(self.scale_downs, ScaleEvent(-change, at), behavior.scale_down)
        return State(self.recommendations, self.scale_ups, downs, self.conditions)

    def with_conditions(self, changed: Iterable[Condition]) -> "State":
        conditions = dict(self.conditions)
        for condition in changed:
            conditions[condition.type] = condition
        return State(self.recommendations, self.scale_ups, self.scale_downs, conditions)

    def without_scaled_to_zero(self) -> "State":
        kept = {name: one for name, one in self.conditions.items() if name != SCALED_TO_ZERO}
        return State(self.recommendations, self.scale_ups, self.scale_downs, kept)


def _with_event(
    events: Sequence[ScaleEvent], new: ScaleEvent, rules: ScalingRules
) -> Sequence[ScaleEvent]:
    oldest = new.at - max((one.period_seconds for one in rules.policies), default=0)
    return [*(one for one in events if one.at >= oldest), new]
