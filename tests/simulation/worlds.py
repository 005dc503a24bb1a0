"""Small worlds for the tests of the simulation."""

from cartwheel.autoscaling.spec import (
    Behavior,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    PolicyType,
    ResourceMetric,
    ScaleTarget,
    ScalingPolicy,
    ScalingRules,
    Target,
    TargetType,
)

BY_REQUESTS = ExternalMetric("requests", Target(TargetType.AVERAGE_VALUE, 20_000))
BY_CPU = ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60), "app")
# As in manifests/components/autoscaling-cpu/hpa.yaml.
BEHAVIOR = Behavior(
    ScalingRules(
        (ScalingPolicy(PolicyType.PODS, 5, 15),),
        stabilization_window_seconds=0,
    ),
    ScalingRules(
        (ScalingPolicy(PolicyType.PODS, 3, 15),),
        stabilization_window_seconds=20,
    ),
)


def autoscaler(
    *metrics: Metric, behavior: Behavior | None = BEHAVIOR, minimum: int = 2, maximum: int = 7
) -> HorizontalPodAutoscalerSpec:
    """The cart's, by requests unless other metrics are given."""
    return HorizontalPodAutoscalerSpec(
        "cart",
        ScaleTarget("Deployment", "cart"),
        maximum,
        metrics or (BY_REQUESTS,),
        minimum,
        behavior,
    )
