"""The controller's own words for a metric, which its conditions and events use."""

from cartwheel.autoscaling.spec import (
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    TargetType,
)


def metric_name(metric: Metric) -> str:
    """For example ``cpu container resource utilization (percentage of request)``."""
    match metric:
        case ResourceMetric(resource=resource, container=container, target=target):
            words = f"{resource} container resource" if container else f"{resource} resource"
            if target.type is TargetType.UTILIZATION:
                return f"{words} utilization (percentage of request)"
            return words
        case PodsMetric(name=name):
            return f"pods metric {name}"
        case ObjectMetric(name=name, described_object=described):
            return f"{described.partition('/')[0] or 'object'} metric {name}"
        case ExternalMetric(name=name, selector=selector):
            return f"external metric {name}({selector})"


def failure_reason(metric: Metric) -> str:
    """The reason of the condition and of the event when this metric cannot be computed."""
    match metric:
        case ResourceMetric(container=None):
            return "FailedGetResourceMetric"
        case ResourceMetric():
            return "FailedGetContainerResourceMetric"
        case PodsMetric():
            return "FailedGetPodsMetric"
        case ObjectMetric():
            return "FailedGetObjectMetric"
        case ExternalMetric():
            return "FailedGetExternalMetric"
