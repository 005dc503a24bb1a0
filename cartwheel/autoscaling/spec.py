"""What a HorizontalPodAutoscaler of `autoscaling/v2` asks for, as values.

Units everywhere in this package: quantities are integers in thousandths (`250m` is 250, `2` is
2000), utilization is whole percent, durations are seconds, times are seconds since the epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class TargetType(StrEnum):
    """How the target of a metric is to be read."""

    UTILIZATION = "Utilization"
    AVERAGE_VALUE = "AverageValue"
    VALUE = "Value"


@dataclass(frozen=True)
class Target:
    """The value that the autoscaler aims for: percent for a utilization, else thousandths."""

    type: TargetType
    value: int


@dataclass(frozen=True)
class ResourceMetric:
    """CPU or memory of the pods; with ``container``, of that container alone."""

    resource: str
    target: Target
    container: str | None = None
    type: Literal["Resource"] = "Resource"


@dataclass(frozen=True)
class PodsMetric:
    """A value that each pod reports (custom.metrics.k8s.io)."""

    name: str
    target: Target
    selector: str = ""
    type: Literal["Pods"] = "Pods"


@dataclass(frozen=True)
class ObjectMetric:
    """A value of one other object, an Ingress for example (custom.metrics.k8s.io)."""

    name: str
    target: Target
    described_object: str = ""
    selector: str = ""
    type: Literal["Object"] = "Object"


@dataclass(frozen=True)
class ExternalMetric:
    """A value from outside the cluster's objects (external.metrics.k8s.io)."""

    name: str
    target: Target
    selector: str = ""
    type: Literal["External"] = "External"


# ``type`` tells them apart where they are written as JSON.
Metric = ResourceMetric | PodsMetric | ObjectMetric | ExternalMetric


class PolicyType(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"


class SelectPolicy(StrEnum):
    """Which policy of a direction applies: that of the largest change, of the smallest, or none."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True)
class ScalingPolicy:
    """At most ``value`` pods, or percent of the pods, in each ``period_seconds``."""

    type: PolicyType
    value: int
    period_seconds: int


@dataclass(frozen=True)
class ScalingRules:
    """One direction of `behavior`. None means the controller's own default."""

    policies: Sequence[ScalingPolicy]
    select_policy: SelectPolicy = SelectPolicy.MAX
    stabilization_window_seconds: int | None = None
    tolerance: float | None = None


# Defaults of the API: https://kubernetes.io/docs/reference/kubernetes-api/ (autoscaling/v2).
DEFAULT_SCALE_UP = ScalingRules(
    (ScalingPolicy(PolicyType.PODS, 4, 15), ScalingPolicy(PolicyType.PERCENT, 100, 15)),
    stabilization_window_seconds=0,
)
DEFAULT_SCALE_DOWN = ScalingRules((ScalingPolicy(PolicyType.PERCENT, 100, 15),))


@dataclass(frozen=True)
class Behavior:
    scale_up: ScalingRules = DEFAULT_SCALE_UP
    scale_down: ScalingRules = DEFAULT_SCALE_DOWN


@dataclass(frozen=True)
class ScaleTarget:
    """The workload that is scaled."""

    kind: str
    name: str
    api_version: str = "apps/v1"


@dataclass(frozen=True)
class HorizontalPodAutoscalerSpec:
    """An autoscaler. ``behavior`` None is not the default behavior: other rules apply then."""

    name: str
    target: ScaleTarget
    max_replicas: int
    metrics: Sequence[Metric]
    min_replicas: int = 1
    behavior: Behavior | None = None
    namespace: str = "default"


@dataclass(frozen=True)
class ControllerOptions:
    """Flags of kube-controller-manager (`--horizontal-pod-autoscaler-…`)."""

    sync_period: float = 15.0
    tolerance: float = 0.1
    downscale_stabilization: float = 300.0
    cpu_initialization_period: float = 300.0
    initial_readiness_delay: float = 30.0
    scale_to_zero: bool = field(default=True)

    def __post_init__(self) -> None:
        if not self.sync_period > 0:
            raise ValueError(f"the sync period must be above 0, but is {self.sync_period}")
