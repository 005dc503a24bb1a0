"""The APIs of custom and external metrics: each has one owner in a cluster."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.api_services import (
    API_SERVICES,
    CUSTOM,
    EXTERNAL,
    METRIC_TYPES,
    ApiService,
    is_served,
    not_available,
)
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import autoscalers, metrics_of, name_of, scaled_object_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity


def examine(view: ClusterView) -> Iterator[Outcome]:
    for group in (EXTERNAL, CUSTOM):
        yield from _examine(view, group)


def _examine(view: ClusterView, group: str) -> Iterator[Outcome]:
    users = {
        name_of(each): scaled_object_of(each)
        for each in autoscalers(view)
        if any(metric["type"] in METRIC_TYPES[group] for metric in metrics_of(each))
    }
    of_keda = [name for name, scaled_object in users.items() if scaled_object]
    others = [name for name, scaled_object in users.items() if not scaled_object]
    served = is_served(view, group, API_SERVICES[group])
    if not served:
        if users:
            yield _missing(view, group, [*users])
        return
    if not isinstance(served, ApiService):
        yield Healthy(f"the API {group} is there")
        return
    severity = Severity.PROBLEM if users else Severity.RISK
    is_kedas = "keda" in served.owner
    if group == EXTERNAL and of_keda and not is_kedas:
        yield _taken(view, served, of_keda)
    elif group == EXTERNAL and others and is_kedas:
        yield _not_of_keda(view, served, others)
    elif not served.available:
        yield from not_available(view, served, severity, about=group)
    else:
        yield Healthy(f"{group} is served by {served.owner}")


def _missing(view: ClusterView, group: str, users: list[str]) -> Finding:
    return Finding(
        about=group,
        problem=f"nobody serves this API, from which {', '.join(users)} reads metrics",
        evidence=f"there is no APIService {API_SERVICES[group]}",
        command=view.kubectl("get apiservices", ""),
    )


def _taken(view: ClusterView, served: ApiService, users: list[str]) -> Finding:
    return Finding(
        about=EXTERNAL,
        problem=f"{served.owner} has this API, so KEDA cannot serve {', '.join(users)}",
        evidence=f"the APIService {served.name} names that Service; an API has one owner, and KEDA "
        "needs this one. Decide which of the two stays: what reads the other's metrics stops",
        command=view.kubectl(f"get apiservice {served.name} --output yaml", ""),
    )


def _not_of_keda(view: ClusterView, served: ApiService, users: list[str]) -> Finding:
    return Finding(
        about=EXTERNAL,
        problem=f"KEDA has this API and knows nothing of the metrics of {', '.join(users)}",
        evidence=f"the APIService {served.name} names {served.owner}; an API has one owner, and "
        "no ScaledObject made these autoscalers",
        command=view.kubectl("get hpa,scaledobject"),
    )


CHECK = Check("metric-apis", "who serves external and custom metrics, and for whom", examine)
