"""The controller's own words for a metric and its errors, which conditions and events use.

Source: `computeReplicasForMetric` and `computeStatusFor…Metric` in kubernetes
`pkg/controller/podautoscaler/horizontal.go`.
"""

import re

from cartwheel.autoscaling.spec import (
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    TargetType,
)

_COMMA_BETWEEN_TERMS = re.compile(r",(?![^(]*\))")


def metric_description(metric: Metric) -> str:
    """For example ``cpu container resource utilization (percentage of request)``.

    An Object metric with an AverageValue is called external there.
    """
    match metric:
        case ResourceMetric(resource=resource, container=container, target=target):
            if target.type is not TargetType.UTILIZATION:
                return f"{resource} resource"
            words = f"{resource} container resource" if container else f"{resource} resource"
            return f"{words} utilization (percentage of request)"
        case PodsMetric(name=name):
            return f"pods metric {name}"
        case ObjectMetric(name=name) if metric.target.type is TargetType.VALUE:
            return f"{_described_object(metric)[0]} metric {name}"
        case (
            ObjectMetric(name=name, selector=selector)
            | ExternalMetric(name=name, selector=selector)
        ):
            return f"external metric {name}({printed_selector(selector)})"


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


def unavailable(metric: Metric, message: str, *, namespace: str) -> str:
    """The error when the metrics API returned no value, with what it said."""
    match metric:
        case ResourceMetric(resource=resource):
            return f"unable to get metrics for resource {resource}: {message}"
        case PodsMetric(name=name):
            return f"unable to get metric {name}: {message}"
        case ObjectMetric(name=name):
            kind, described = _described_object(metric)
            return f"unable to get metric {name} on {kind} {namespace}/{described}: {message}"
        case ExternalMetric(name=name, selector=selector):
            labels = printed_selector(selector)
            return f"unable to get external metric {namespace}/{name}/{labels}: {message}"


def reported_error(metric: Metric, error: str) -> str:
    """The error as the metric's own event and condition have it."""
    match metric:
        case ResourceMetric(resource=resource, target=target):
            is_share = target.type is TargetType.UTILIZATION
            return f"failed to get {resource} {'utilization' if is_share else 'usage'}: {error}"
        case _:
            return error


def wrapped_error(metric: Metric, error: str) -> str:
    """The error as the event `FailedComputeMetricsReplicas` has it."""
    error = reported_error(metric, error)
    is_average = metric.target.type is TargetType.AVERAGE_VALUE
    match metric:
        case ResourceMetric(resource=resource, container=None):
            return f"failed to get {resource} resource metric value: {error}"
        case ResourceMetric(container=container):
            return f"failed to get {container} container metric value: {error}"
        case PodsMetric():
            return f"failed to get pods metric value: {error}"
        case ObjectMetric(name=name):
            inner = f"failed to get {name} object metric: {error}" if is_average else error
            return f"failed to get object metric value: {inner}"
        case ExternalMetric(name=name):
            words = f"{name} external metric" if is_average else f"external metric {name}"
            return f"failed to get {name} external metric value: failed to get {words}: {error}"


def printed_selector(selector: str) -> str:
    """A selector (``a=1,b in (2,3)``) as the controller prints the object that holds it."""
    if not selector:
        return "nil"
    terms = _COMMA_BETWEEN_TERMS.split(selector)
    labels = "".join(f"{one.replace('=', ': ', 1)}," for one in sorted(terms) if "=" in one)
    expressions = "".join(f"{_expression_text(one)}," for one in terms if "=" not in one)
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _expression_text(term: str) -> str:
    """``b in (2,3)``, ``b notin (2,3)``, ``b`` or ``!b``."""
    key, operator, values = term.lstrip("!"), "DoesNotExist" if "!" in term else "Exists", ""
    if " " in term:
        key, word, listed = term.split(" ", 2)
        operator = "In" if word == "in" else "NotIn"
        values = listed.strip("()").replace(",", " ")
    return f"LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}}"


def _described_object(metric: ObjectMetric) -> tuple[str, str]:
    kind, _, name = metric.described_object.partition("/")
    return kind, name
