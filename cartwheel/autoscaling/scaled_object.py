"""What a KEDA ScaledObject (`keda.sh/v1alpha1`) asks for, as values.

Defaults: https://keda.sh/docs/latest/reference/scaledobject-spec/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cartwheel.autoscaling.spec import Behavior, ScaleTarget, TargetType

# The triggers that metrics-server serves, not KEDA.
RESOURCE_TRIGGERS = frozenset({"cpu", "memory"})


class FallbackBehavior(StrEnum):
    """How the count of the fallback relates to the current one."""

    STATIC = "static"
    CURRENT_REPLICAS = "currentReplicas"
    CURRENT_REPLICAS_IF_HIGHER = "currentReplicasIfHigher"
    CURRENT_REPLICAS_IF_LOWER = "currentReplicasIfLower"


@dataclass(frozen=True)
class Fallback:
    """After ``failure_threshold`` failures in a row, a trigger asks for ``replicas``."""

    failure_threshold: int
    replicas: int
    behavior: FallbackBehavior = FallbackBehavior.STATIC


@dataclass(frozen=True)
class Trigger:
    """A source of a metric. ``threshold`` and ``activation_threshold`` are thousandths.

    For `cpu` and `memory`, ``threshold`` is percent if ``metric_type`` is Utilization, and
    ``container`` the container that counts. ``metadata`` is as written in the manifest.
    """

    type: str
    metric_type: TargetType
    threshold: int
    activation_threshold: int = 0
    name: str = ""
    container: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    use_cached_metrics: bool = False


@dataclass(frozen=True)
class Pause:
    """The annotations `autoscaling.keda.sh/paused…`. ``replicas`` None keeps the current count."""

    replicas: int | None = None
    only_scale_in: bool = False
    only_scale_out: bool = False


@dataclass(frozen=True)
class ScaledObject:
    """KEDA scales between 0 and 1 itself; above, it lets an autoscaler of its making decide."""

    name: str
    target: ScaleTarget
    triggers: Sequence[Trigger]
    min_replicas: int = 0
    max_replicas: int = 100
    idle_replicas: int | None = None
    polling_interval: float = 30.0
    cooldown_period: float = 300.0
    initial_cooldown_period: float = 0.0
    fallback: Fallback | None = None
    behavior: Behavior | None = None
    pause: Pause | None = None
    formula: str | None = None
    autoscaler_name: str = ""
    namespace: str = "default"
