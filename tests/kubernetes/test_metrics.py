"""The metrics APIs: paths and the meaning of responses."""

from collections.abc import Mapping
from typing import Any

import pytest

from cartwheel.autoscaling.observation import (
    PodSamples,
    Reading,
    Sample,
    Unavailable,
    Values,
)
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError, NotFound
from cartwheel.kubernetes.metrics import MetricsApis, metric_path, reading_of
from tests.kubernetes.recorded_cluster import RecordedCluster

APIS = MetricsApis({"metrics.k8s.io": "v1", "custom.metrics.k8s.io": "v1beta2"})
ROUTES = {"kind": "Route", "name": "front", "apiVersion": "example.org/v1"}

RESOURCE: Json = {"type": "Resource", "resource": {"name": "cpu"}}
CONTAINER: Json = {
    "type": "ContainerResource",
    "containerResource": {"name": "cpu", "container": "app"},
}
PODS: Json = {
    "type": "Pods",
    "pods": {"metric": {"name": "rps", "selector": {"matchLabels": {"verb": "GET"}}}},
}
EXTERNAL: Json = {
    "type": "External",
    "external": {
        "metric": {
            "name": "s0-prometheus",
            "selector": {
                "matchLabels": {"scaledobject.keda.sh/name": "cart"},
                "matchExpressions": [
                    {"key": "a", "operator": "NotIn", "values": ["y", "x"]},
                    {"key": "b", "operator": "Exists"},
                    {"key": "c", "operator": "DoesNotExist"},
                ],
            },
        }
    },
}


def object_metric(described: Mapping[str, str]) -> Json:
    return {"type": "Object", "object": {"describedObject": described, "metric": {"name": "hits"}}}


@pytest.mark.parametrize(
    ("metric", "path"),
    [
        (RESOURCE, "/apis/metrics.k8s.io/v1/namespaces/shop/pods?labelSelector=app%3Dcart"),
        (CONTAINER, "/apis/metrics.k8s.io/v1/namespaces/shop/pods?labelSelector=app%3Dcart"),
        (
            PODS,
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/*/rps"
            "?labelSelector=app%3Dcart&metricLabelSelector=verb%3DGET",
        ),
        (
            EXTERNAL,
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/s0-prometheus?labelSelector="
            "a%20notin%20%28x%2Cy%29%2Cb%2C%21c%2Cscaledobject.keda.sh%2Fname%3Dcart",
        ),
        (
            object_metric({"kind": "Service", "name": "front"}),
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/services/front/hits",
        ),
        (
            object_metric(ROUTES),
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/routes.example.org/front/hits",
        ),
        (
            object_metric({"kind": "Namespace", "name": "shop"}),
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/metrics/hits",
        ),
    ],
)
def test_each_metric_has_its_path(metric: Json, path: str) -> None:
    cluster = RecordedCluster(
        {
            "/apis/example.org/v1": {
                "resources": [
                    {"name": "routes/scale", "kind": "Route"},
                    {"name": "routes", "kind": "Route"},
                ]
            }
        }
    )

    found = metric_path(metric, namespace="shop", pod_selector="app=cart", apis=APIS, api=cluster)

    assert found == path


def test_an_object_of_an_unknown_kind_is_not_found() -> None:
    cluster = RecordedCluster({"/apis/example.org/v1": {"resources": []}})

    with pytest.raises(NotFound, match="no kind Route"):
        metric_path(
            object_metric(ROUTES), namespace="shop", pod_selector="", apis=APIS, api=cluster
        )


def pod_metrics(name: str, *containers: tuple[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "timestamp": "2026-11-26T10:00:04Z",
        "window": "10.003s",
        "containers": [{"name": one, "usage": {"cpu": cpu}} for one, cpu in containers],
    }


MEASURED: Json = {
    "items": [
        pod_metrics("cart-1", ("app", "3114117n"), ("proxy", "1u")),
        pod_metrics("cart-2", ("proxy", "5m")),
        pod_metrics("cart-3"),
    ]
}
AT = 1795687204.0


@pytest.mark.parametrize(
    ("metric", "response", "reading"),
    [
        # Each container is rounded up before they are summed, as the controller does.
        (
            RESOURCE,
            MEASURED,
            PodSamples({"cart-1": Sample(5, AT, 10.003), "cart-2": Sample(5, AT, 10.003)}),
        ),
        (
            CONTAINER,
            {"items": [MEASURED["items"][0]]},
            PodSamples({"cart-1": Sample(4, AT, 10.003)}),
        ),
        # One pod without the container fails the whole metric.
        (
            CONTAINER,
            MEASURED,
            Unavailable(
                "failed to get container metrics: "
                "container app not present in metrics for pod shop/cart-2"
            ),
        ),
        (
            PODS,
            {
                "items": [
                    {
                        "describedObject": {"name": "cart-1"},
                        "timestamp": "2026-11-26T10:00:04Z",
                        "value": "5250m",
                    }
                ]
            },
            PodSamples({"cart-1": Sample(5250, AT, 60.0)}),
        ),
        (EXTERNAL, {"items": [{"value": "2"}, {"value": "500m"}]}, Values([2000, 500])),
        (object_metric(ROUTES), {"items": [{"value": "7"}]}, Values([7000])),
        (
            RESOURCE,
            {"items": []},
            Unavailable("no metrics returned from resource metrics API"),
        ),
        (
            EXTERNAL,
            NotFound("the server could not find the requested resource."),
            Unavailable(
                "unable to fetch metrics from external metrics API: "
                "the server could not find the requested resource"
            ),
        ),
    ],
)
def test_a_response_means_what_it_means_to_the_controller(
    metric: Json, response: Json | ClusterError, reading: Reading
) -> None:
    assert reading_of(metric, response) == reading
