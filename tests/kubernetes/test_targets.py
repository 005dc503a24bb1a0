"""A namespace, a workload and its metrics, with all rights and with few."""

from typing import Any

import pytest

from cartwheel.autoscaling import observation
from cartwheel.autoscaling.observation import PodSamples, Sample, Scale, Values
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError, Forbidden, NotFound, Unavailable, Unreachable
from cartwheel.kubernetes.metrics import MetricsApis
from cartwheel.kubernetes.namespaces import Unseen, read_namespace
from cartwheel.kubernetes.targets import read_scale_target, read_target_metrics
from tests.kubernetes.recorded_cluster import RecordedCluster

NO_RIGHT = Forbidden("no right.")
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/cart"
TARGET: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
WORKLOAD: Json = {
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "cart"}}},
    "status": {"replicas": 4},
}
SCALE: Json = {"spec": {"replicas": 3}, "status": {"replicas": 4, "selector": "app=cart,x=y"}}
HPA: Json = {
    "metadata": {"namespace": "shop", "name": "cart"},
    "spec": {
        "scaleTargetRef": TARGET,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu"}},
            {"type": "External", "external": {"metric": {"name": "queue"}}},
        ],
    },
}
PODS = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dcart"
CPU = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3Dcart"
QUEUE = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/queue"
APIS = MetricsApis({})


def test_the_scale_gives_counts_and_selector() -> None:
    cluster = RecordedCluster({DEPLOYMENT: WORKLOAD, f"{DEPLOYMENT}/scale": SCALE})

    target = read_scale_target(cluster, "shop", TARGET)

    assert (target.scale, target.selector, target.unseen) == (Scale(3, 4), "app=cart,x=y", [])


def test_without_the_right_to_read_the_scale_the_workload_says_the_same() -> None:
    cluster = RecordedCluster({DEPLOYMENT: WORKLOAD, f"{DEPLOYMENT}/scale": NO_RIGHT})

    target = read_scale_target(cluster, "shop", TARGET)

    assert (target.scale, target.selector) == (Scale(3, 4), "app=cart")
    assert target.unseen == [Unseen("scale of Deployment cart", "no right.")]


def test_without_any_right_everything_is_named() -> None:
    cluster = RecordedCluster({DEPLOYMENT: NO_RIGHT, f"{DEPLOYMENT}/scale": NO_RIGHT})

    target = read_scale_target(cluster, "shop", TARGET)

    assert (target.scale, target.selector, len(target.unseen)) == (None, None, 2)


def test_a_workload_that_does_not_exist_is_missing() -> None:
    assert read_scale_target(RecordedCluster({}), "shop", TARGET).is_missing


def test_pods_and_metrics_are_read() -> None:
    sample: Json = {
        "metadata": {"name": "cart-1"},
        "timestamp": "2026-11-26T10:00:04Z",
        "window": "10s",
        "containers": [{"name": "app", "usage": {"cpu": "5m"}}],
    }
    cluster = RecordedCluster(
        {
            PODS: {"items": [{"metadata": {"name": "cart-1"}}]},
            CPU: {"items": [sample]},
            QUEUE: {"items": [{"value": "7"}]},
        }
    )

    metrics = read_target_metrics(cluster, HPA, selector="app=cart", apis=APIS)

    assert metrics.pods == [{"metadata": {"name": "cart-1"}}]
    assert metrics.readings == [
        PodSamples({"cart-1": Sample(5, 1795687204.0, 10.0)}),
        Values([7000]),
    ]


def test_an_api_that_fails_is_a_reading_and_a_missing_right_is_none() -> None:
    cluster = RecordedCluster({PODS: NO_RIGHT, CPU: NotFound("gone."), QUEUE: NO_RIGHT})

    metrics = read_target_metrics(cluster, HPA, selector="app=cart", apis=APIS)

    assert metrics.pods is None
    assert metrics.readings == [
        observation.Unavailable("unable to fetch metrics from resource metrics API: gone"),
        None,
    ]
    assert [one.what for one in metrics.unseen] == ["external.metrics.k8s.io", "pods"]


@pytest.mark.parametrize("error", [NO_RIGHT, Unavailable("the server is busy.")])
def test_a_metric_of_an_object_of_a_kind_that_cannot_be_looked_up_is_not_seen(
    error: ClusterError,
) -> None:
    source: Json = {
        "describedObject": {"apiVersion": "example.com/v1", "kind": "Queue", "name": "orders"},
        "metric": {"name": "length"},
    }
    metrics: Json = [{"type": "Object", "object": source}, HPA["spec"]["metrics"][1]]
    hpa: Json = {**HPA, "spec": {"metrics": metrics}}
    cluster = RecordedCluster({"/apis/example.com/v1": error, QUEUE: {"items": [{"value": "7"}]}})

    found = read_target_metrics(cluster, hpa, selector=None, apis=APIS)

    assert found.readings == [None, Values([7000])]
    assert found.unseen == [Unseen("custom.metrics.k8s.io", str(error))]


def test_a_connection_that_is_lost_while_a_kind_is_looked_up_is_an_error() -> None:
    described = {"apiVersion": "example.com/v1", "kind": "Queue", "name": "orders"}
    source = {"describedObject": described, "metric": {"name": "length"}}
    hpa: Json = {**HPA, "spec": {"metrics": [{"type": "Object", "object": source}]}}
    cluster = RecordedCluster({"/apis/example.com/v1": Unreachable("gone.")})

    with pytest.raises(Unreachable):
        read_target_metrics(cluster, hpa, selector=None, apis=APIS)


def test_without_a_selector_the_metrics_of_pods_are_not_asked_for() -> None:
    cluster = RecordedCluster({QUEUE: {"items": [{"value": "7"}]}})

    metrics = read_target_metrics(cluster, HPA, selector=None, apis=APIS)

    assert (metrics.pods, metrics.readings, metrics.unseen) == (None, [None, Values([7000])], [])


AUTOSCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects"


def namespace_responses(**changed: Json | ClusterError) -> dict[str, Json | ClusterError]:
    group: Json = {"name": "keda.sh", "preferredVersion": {"version": "v1alpha1"}}
    events = "events?fieldSelector=involvedObject.kind%3DHorizontalPodAutoscaler"
    controller = "pods?labelSelector=component%3Dkube-controller-manager"
    listed: dict[str, Any] = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscalerList",
        "items": [{"metadata": {"name": "cart"}}],
    }
    return {
        "/apis": {"groups": [group]},
        "/version": {"minor": "35"},
        AUTOSCALERS: changed.get("autoscalers", listed),
        SCALED_OBJECTS: changed.get("scaled_objects", {"items": []}),
        f"/api/v1/namespaces/shop/{events}": {"items": []},
        f"/api/v1/namespaces/kube-system/{controller}": NO_RIGHT,
    }


def test_the_items_of_a_namespace_have_their_kind() -> None:
    contents = read_namespace(RecordedCluster(namespace_responses()), "shop")

    assert contents.autoscalers == [
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "cart"},
        }
    ]
    assert contents.minor_version == 35
    assert contents.unseen == [Unseen("options of the controller", "no right.")]


def test_what_may_not_be_read_in_a_namespace_is_named() -> None:
    responses = namespace_responses(scaled_objects=NO_RIGHT)

    unseen = read_namespace(RecordedCluster(responses), "shop").unseen

    assert Unseen("ScaledObjects of KEDA", "no right.") in unseen


@pytest.mark.parametrize(
    "changed",
    [{"autoscalers": NO_RIGHT}, {"scaled_objects": Unreachable("gone.")}],
    ids=["no right to read autoscalers", "the connection is lost"],
)
def test_without_autoscalers_or_a_connection_there_is_nothing_to_read(
    changed: dict[str, ClusterError],
) -> None:
    with pytest.raises(ClusterError):
        read_namespace(RecordedCluster(namespace_responses(**changed)), "shop")
