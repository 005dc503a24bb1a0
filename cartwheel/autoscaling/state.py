"""What the controller remembers of an autoscaler from one sync to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.autoscaling.decision import Condition, Recommendation, ScaleEvent
from cartwheel.autoscaling.spec import Behavior, ScalingRules

SCALED_TO_ZERO = "ScaledToZero"


@dataclass(frozen=True)
class State:
    """A value that can be kept, compared and written down.

    ``recommendations`` are those before stabilization. ``scale_ups`` and ``scale_downs`` are the
    changes that the policies of `behavior` count. ``conditions`` stay until a sync changes them.
    """

    recommendations: Sequence[Recommendation] = ()
    scale_ups: Sequence[ScaleEvent] = ()
    scale_downs: Sequence[ScaleEvent] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict)


class Memory:
    """The state while an autoscaler works with it; bounded by the longest windows and periods."""

    def __init__(self, state: State) -> None:
        self.recommendations = list(state.recommendations)
        self.scale_ups = list(state.scale_ups)
        self.scale_downs = list(state.scale_downs)
        self.conditions = dict(state.conditions)

    @property
    def is_scaled_to_zero(self) -> bool:
        """Whether the autoscaler itself set the workload to zero (KEP-2021)."""
        condition = self.conditions.get(SCALED_TO_ZERO)
        return condition is not None and condition.status

    def snapshot(self) -> State:
        return State(
            tuple(self.recommendations),
            tuple(self.scale_ups),
            tuple(self.scale_downs),
            dict(self.conditions),
        )

    def see(self, current: int, at: float) -> None:
        """The count found at first sight counts as recommended (`recordInitialRecommendation`).

        A controller that has just started must not scale down at once.
        """
        if not self.recommendations:
            self.recommendations.append(Recommendation(current, at))

    def recommend(self, replicas: int, at: float, *, window: float) -> None:
        """Overwrite the last recommendation that is too old for the longest window, if any is.

        The others stay: when an edit makes the window longer, they count again.
        Source: the end of `stabilizeRecommendationWithBehaviors`.
        """
        oldest, new = at - window, Recommendation(replicas, at)
        for index in range(len(self.recommendations) - 1, -1, -1):
            if self.recommendations[index].at < oldest:
                self.recommendations[index] = new
                return
        self.recommendations.append(new)

    def rescale(self, change: int, at: float, *, behavior: Behavior) -> None:
        """Source: `storeScaleEvent`."""
        if change > 0:
            _store(self.scale_ups, ScaleEvent(change, at), behavior.scale_up)
        else:
            _store(self.scale_downs, ScaleEvent(-change, at), behavior.scale_down)

    def set(self, *conditions: Condition) -> None:
        for condition in conditions:
            self.conditions[condition.type] = condition


def _store(events: list[ScaleEvent], new: ScaleEvent, rules: ScalingRules) -> None:
    """Overwrite one event that no policy of this direction counts, if there is one.

    The others stay: a policy of the other direction with a longer period still counts them.
    """
    oldest = new.at - max((one.period_seconds for one in rules.policies), default=0)
    outdated = [index for index, one in enumerate(events) if one.at < oldest]
    if outdated:
        events[outdated[-1]] = new
    else:
        events.append(new)
