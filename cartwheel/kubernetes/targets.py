"""The workload of an autoscaler: its scale, its pods, and the values of its metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.observation import Reading, Scale, Unavailable
from cartwheel.kubernetes.api import Json, KubernetesApi, get_all, path_of
from cartwheel.kubernetes.errors import ClusterError, Forbidden, NotFound, Unreachable
from cartwheel.kubernetes.labels import query_of
from cartwheel.kubernetes.metrics import (
    MetricsApis,
    group_of,
    metric_path,
    needs_pods,
    reading_of,
)
from cartwheel.kubernetes.namespaces import Unseen
from cartwheel.kubernetes.resources import find_resource


@dataclass(frozen=True)
class ScaleTarget:
    """``workload`` is the Deployment, or whatever else is scaled. None is what is not visible.

    With ``is_missing`` there is no such workload.
    """

    workload: Json | None
    scale: Scale | None
    selector: str | None
    unseen: Sequence[Unseen]
    is_missing: bool = False


MISSING = ScaleTarget(None, None, None, [], is_missing=True)


@dataclass(frozen=True)
class TargetMetrics:
    """``readings`` are in the order of the metrics. None is what is not visible."""

    pods: Sequence[Json] | None
    readings: Sequence[Reading | None]
    unseen: Sequence[Unseen]


def read_scale_target(api: KubernetesApi, namespace: str, target: Json) -> ScaleTarget:
    """The workload that a `scaleTargetRef` names, and its scale. Raises `Unreachable`.

    Without the right to read the scale, it is taken from the workload, which has the same counts.
    """
    kind = target.get("kind", "Deployment")
    name = f"{kind} {target['name']}"
    try:
        version = target.get("apiVersion") or "apps/v1"
        resource = find_resource(api, api_version=version, kind=kind)
    except Unreachable:
        raise
    except NotFound:
        return MISSING
    except ClusterError as error:
        return ScaleTarget(None, None, None, [Unseen(name, str(error))])
    path = resource.path(namespace, target["name"])
    unseen: list[Unseen] = []
    found = get_all(api, [path, f"{path}/scale"])
    if all(isinstance(one, NotFound) for one in found):
        return MISSING
    workload = _seen(found[0], name, unseen)
    scale = _seen(found[1], f"scale of {name}", unseen)
    return ScaleTarget(workload, _scale(scale or workload), _selector(scale, workload), unseen)


def read_target_metrics(
    api: KubernetesApi, autoscaler: Json, *, selector: str | None, apis: MetricsApis
) -> TargetMetrics:
    """The pods and the value of each metric, read at once. Raises `Unreachable`.

    An error of a metrics API is a reading, because the controller gets it too. A missing right is
    none: the controller has it.
    """
    metrics = autoscaler["spec"].get("metrics") or ()
    namespace = autoscaler["metadata"]["namespace"]
    paths: dict[int, str] = {}
    readings: dict[int, Reading] = {}
    unseen: list[Unseen] = []
    for number, metric in enumerate(metrics):
        if selector is None and needs_pods(metric):
            continue
        try:
            paths[number] = metric_path(
                metric, namespace=namespace, pod_selector=selector or "", apis=apis, api=api
            )
        except Unreachable:
            raise
        except NotFound as error:
            readings[number] = Unavailable(str(error))
        except ClusterError as error:
            # The controller knows the kind: what it reads is not visible.
            unseen.append(Unseen(group_of(metric), str(error)))
    pods_path = path_of("api", "v1", "namespaces", namespace, "pods", labelSelector=selector or "")
    pods_paths = [] if selector is None else [pods_path]
    found = get_all(api, [*paths.values(), *pods_paths])
    for number, response in zip(paths, found, strict=False):
        if isinstance(response, Forbidden | Unreachable):
            _seen(response, group_of(metrics[number]), unseen)
        else:
            readings[number] = reading_of(metrics[number], response)
    pods = _seen(found[-1], "pods", unseen) if pods_paths else None
    return TargetMetrics(
        None if pods is None else pods["items"],
        [readings.get(number) for number in range(len(metrics))],
        unseen,
    )


def _seen(found: Json | ClusterError, what: str, unseen: list[Unseen]) -> Json | None:
    """The object; an error is noted instead. Raises `Unreachable`."""
    if isinstance(found, Unreachable):
        raise found
    if isinstance(found, ClusterError):
        unseen.append(Unseen(what, str(found)))
        return None
    return found


def _scale(item: Json | None) -> Scale | None:
    """A count of zero is left out of the object."""
    if item is None:
        return None
    spec, status = item.get("spec") or {}, item.get("status") or {}
    return Scale(spec.get("replicas", 0), status.get("replicas", 0))


def _selector(scale: Json | None, workload: Json | None) -> str | None:
    if scale is not None:
        return (scale.get("status") or {}).get("selector")
    if workload is None:
        return None
    return query_of(workload["spec"].get("selector")) or None
