"""What a namespace holds that has to do with autoscaling, read at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartwheel.kubernetes.api import Json, KubernetesApi, get_all, path_of
from cartwheel.kubernetes.controller_options import minor_version
from cartwheel.kubernetes.errors import ClusterError, NotFound, Unreachable
from cartwheel.kubernetes.metrics import MetricsApis

AUTOSCALERS = "autoscalers"
EVENTS = "events"
SCALED_OBJECTS = "ScaledObjects of KEDA"
VERTICAL_AUTOSCALERS = "VerticalPodAutoscalers"
CONTROLLER = "options of the controller"


@dataclass(frozen=True)
class Unseen:
    """Something that was asked for and could not be read, and what the cluster said."""

    what: str
    why: str


@dataclass(frozen=True)
class NamespaceContents:
    """Objects as the API has them. What is unseen is empty."""

    name: str
    autoscalers: Sequence[Json]
    events: Sequence[Json]
    scaled_objects: Sequence[Json]
    vertical_autoscalers: Sequence[Json]
    controller_pods: Sequence[Json]
    metrics_apis: MetricsApis
    minor_version: int
    unseen: Sequence[Unseen]


def read_namespace(api: KubernetesApi, namespace: str) -> NamespaceContents:
    """Read all of it. Raises `ClusterError` if not even the autoscalers can be read."""
    listed, version = get_all(api, ["/apis", "/version"])
    if isinstance(listed, ClusterError):
        raise listed
    groups = _groups(listed)
    paths = _paths(namespace, groups)
    responses = dict(zip(paths, get_all(api, [*paths.values()]), strict=True))
    for what, response in responses.items():
        if isinstance(response, ClusterError) and (
            what == AUTOSCALERS or isinstance(response, Unreachable)
        ):
            raise response
    autoscalers = _items(responses[AUTOSCALERS])
    scaled_objects = _items(responses.get(SCALED_OBJECTS))
    if not (autoscalers or scaled_objects):
        _check_exists(api, namespace)
    return NamespaceContents(
        name=namespace,
        autoscalers=autoscalers,
        events=_items(responses[EVENTS]),
        scaled_objects=scaled_objects,
        vertical_autoscalers=_items(responses.get(VERTICAL_AUTOSCALERS)),
        controller_pods=_items(responses[CONTROLLER]),
        metrics_apis=MetricsApis(groups),
        minor_version=0 if isinstance(version, ClusterError) else minor_version(version),
        unseen=[
            Unseen(what, str(response))
            for what, response in responses.items()
            if isinstance(response, ClusterError)
        ],
    )


def _check_exists(api: KubernetesApi, namespace: str) -> None:
    """A list of what is in no namespace is empty, and no error. Raises `NotFound`."""
    try:
        api.get(path_of("api", "v1", "namespaces", namespace))
    except NotFound:
        raise NotFound(f"Namespace {namespace} does not exist.") from None
    except ClusterError:
        # Who may read only what is in a namespace.
        return


def _groups(listed: Json) -> Mapping[str, str]:
    """The preferred version of each API group."""
    return {one["name"]: one["preferredVersion"]["version"] for one in listed["groups"]}


def _paths(namespace: str, groups: Mapping[str, str]) -> dict[str, str]:
    core = ["api", "v1", "namespaces"]
    paths = {
        AUTOSCALERS: path_of(
            "apis", "autoscaling", "v2", "namespaces", namespace, "horizontalpodautoscalers"
        ),
        EVENTS: path_of(
            *core,
            namespace,
            "events",
            fieldSelector="involvedObject.kind=HorizontalPodAutoscaler",
        ),
        CONTROLLER: path_of(
            *core, "kube-system", "pods", labelSelector="component=kube-controller-manager"
        ),
    }
    optional = {
        SCALED_OBJECTS: ("keda.sh", "scaledobjects"),
        VERTICAL_AUTOSCALERS: ("autoscaling.k8s.io", "verticalpodautoscalers"),
    }
    for what, (group, plural) in optional.items():
        if group in groups:
            paths[what] = path_of("apis", group, groups[group], "namespaces", namespace, plural)
    return paths


def _items(response: Json | ClusterError | None) -> Sequence[Json]:
    """The items of a list, which names their kind only once."""
    if response is None or isinstance(response, ClusterError):
        return []
    kind = {
        "apiVersion": response.get("apiVersion"),
        "kind": response.get("kind", "").removesuffix("List"),
    }
    return [{**kind, **item} for item in response.get("items", ())]
