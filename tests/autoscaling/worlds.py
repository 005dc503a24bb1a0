"""Small worlds for the tests of the autoscaler: pods, observations and autoscalers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Reading,
    Sample,
    Scale,
    Values,
)
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

NOW = 1_000_000.0
CART = ScaleTarget("Deployment", "cart")
REQUEST = 100

CPU = ResourceMetric("cpu", Target(TargetType.UTILIZATION, 50), "app")
QUEUE = ExternalMetric("queue", Target(TargetType.AVERAGE_VALUE, 10_000))


def autoscaler(
    *metrics: Metric,
    minimum: int = 1,
    maximum: int = 10,
    behavior: Behavior | None = None,
) -> HorizontalPodAutoscalerSpec:
    """Of the queue, unless other metrics are given: 10 for each replica."""
    return HorizontalPodAutoscalerSpec(
        "cart", CART, maximum, metrics or (QUEUE,), minimum, behavior, "shop"
    )


def rules(
    *policies: tuple[str, int, int], window: int | None = 0, **others: object
) -> ScalingRules:
    """Policies are like ``("Pods", 2, 15)``."""
    found = [ScalingPolicy(PolicyType(kind), value, period) for kind, value, period in policies]
    return replace(ScalingRules(found, stabilization_window_seconds=window), **others)  # type: ignore[arg-type]


# Nothing is held back.
FREE = Behavior(rules(("Pods", 100, 15)), rules(("Percent", 100, 15)))


def old_pod(name: str, **fields: object) -> Pod:
    """Ready for an hour."""
    pod = Pod(
        name,
        ready_since=NOW - 3600,
        started_at=NOW - 3610,
        requests={"app": {"cpu": REQUEST}},
    )
    return replace(pod, **fields)  # type: ignore[arg-type]


def old_pods(count: int) -> list[Pod]:
    return [old_pod(f"cart-{n}") for n in range(count)]


def observe(
    replicas: int,
    *readings: Reading,
    at: float = NOW,
    status: int | None = None,
    pods: Sequence[Pod] | None = None,
) -> Observation:
    return Observation(
        at,
        Scale(replicas, replicas if status is None else status),
        old_pods(replicas) if pods is None else pods,
        readings,
    )


def queue(total: float) -> Values:
    return Values([round(total * 1000)])


def cpu(usage: Mapping[str, int], *, at: float = NOW, window: float = 15) -> PodSamples:
    """Thousandths of a core by pod; a pod requests `REQUEST`."""
    return PodSamples({name: Sample(value, at, window) for name, value in usage.items()})
