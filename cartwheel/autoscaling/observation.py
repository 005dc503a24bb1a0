"""What the controller sees at one moment: the scale, the pods, and the value of each metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pod:
    """A pod of the scaled workload.

    ``ready`` says whether its Ready condition is true (None without one), ``ready_since`` is the
    time of that condition's last transition, in either direction. ``requests`` are thousandths by
    container (with restartable init containers) and resource; ``pod_requests`` those of the pod.
    ``resize`` is the state of an in-place resize (``InProgress``, ``Deferred``, ``Infeasible``);
    with ``has_vertical_autoscaler`` a VerticalPodAutoscaler may change the requests. Both only
    explain. With ``has_unknown_readiness`` the Ready condition is neither true nor false, as on a
    node that is lost.
    """

    name: str
    phase: str = "Running"
    ready: bool | None = True
    ready_since: float | None = None
    started_at: float | None = None
    is_deleted: bool = False
    requests: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pod_requests: Mapping[str, int] = field(default_factory=dict)
    resize: str = ""
    has_vertical_autoscaler: bool = False
    has_unknown_readiness: bool = False


@dataclass(frozen=True)
class Sample:
    """A value of one pod, in thousandths, measured over the ``window`` seconds that end ``at``."""

    value: int
    at: float
    window: float


@dataclass(frozen=True)
class PodSamples:
    """A reading of a Resource, ContainerResource or Pods metric, by the name of the pod."""

    samples: Mapping[str, Sample]


@dataclass(frozen=True)
class Values:
    """A reading of an Object metric (one value) or an External metric (they are summed)."""

    values: Sequence[int]


@dataclass(frozen=True)
class Unavailable:
    """The metric could not be read; ``message`` is what the API said."""

    message: str


Reading = PodSamples | Values | Unavailable


@dataclass(frozen=True)
class Scale:
    """The scale subresource. During a rollout the two counts differ."""

    spec_replicas: int
    status_replicas: int


@dataclass(frozen=True)
class SelectorProblem:
    """Why it cannot be told which pods belong to the workload; nothing is scaled then."""

    reason: str
    condition_message: str
    event_reason: str
    event_message: str


NO_SELECTOR = SelectorProblem(
    "InvalidSelector",
    "the HPA target's scale is missing a selector",
    "SelectorRequired",
    "selector is required",
)


def ambiguous_selector(selector: str, autoscalers: Sequence[str]) -> SelectorProblem:
    """Several autoscalers, as ``namespace/name``, select the same pods: all of them stop."""
    message = (
        f"pods by selector {selector} are controlled by more than one HPA "
        f"(e.g. [{' '.join(autoscalers)}])"
    )
    return SelectorProblem("AmbiguousSelector", message, "AmbiguousSelector", message)


@dataclass(frozen=True)
class Observation:
    """All input of one sync. ``readings`` are in the order of the metrics in the spec."""

    at: float
    scale: Scale
    pods: Sequence[Pod]
    readings: Sequence[Reading]
    selector_problem: SelectorProblem | None = None
