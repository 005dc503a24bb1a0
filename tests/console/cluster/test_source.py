"""A namespace of a cluster as frames, from recorded responses of the Kubernetes API."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from starlette.routing import Route

import tests.explain
from cartwheel.console.cluster import ClusterSource
from cartwheel.console.cluster.mesh_file import Measured
from cartwheel.console.cluster.prometheus import QUERY_LABEL, PrometheusService
from cartwheel.console.live import Live
from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.kubernetes import errors
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import BadRequest, ClusterError, Unavailable, Unreachable
from cartwheel.mesh import Frame
from cartwheel.mesh.frame import OUTSIDE
from cartwheel.mesh.queries import Name, mesh_queries
from tests.console.cluster.test_workloads import deployment, pod
from tests.console.console_server import serving_console
from tests.kubernetes.recorded_cluster import RecordedCluster

RECORDED = Path(tests.explain.__path__[0]) / "recorded" / "rising.json"
PROMETHEUS = PrometheusService("shop")
VECTOR = [
    ("received", {"service": "cart", "instance": "cart-a"}, 30),
    ("received", {"service": "cart", "instance": "cart-b"}, 10),
    ("received", {"service": "storefront", "instance": "front-a"}, 40),
    ("serving", {"instance": "cart-a"}, 60),
    ("serving", {"instance": "cart-b"}, 0),
    ("calls", {"service": "storefront", "upstream": "cart"}, 40),
    ("retries", {"service": "storefront", "upstream": "cart"}, 2),
    ("failed_calls", {"service": "storefront", "upstream": "cart"}, 4),
]


class Cluster(RecordedCluster):
    """The recorded one, with the workloads and the Prometheus of a shop."""

    def __init__(self, *, prometheus: Json | ClusterError | None = None) -> None:
        recorded = json.loads(RECORDED.read_text())
        self.namespace: str = recorded["namespace"]
        responses: Mapping[str, Any] = {
            path: getattr(errors, one["error"])(one["message"]) if "error" in one else one
            for path, one in recorded["responses"].items()
        }
        start = f"/namespaces/{self.namespace}"
        own = {
            f"/apis/apps/v1{start}/deployments": {
                "items": [deployment("cart", replicas=3), deployment("storefront", replicas=1)]
            },
            f"/api/v1{start}/pods": {
                "items": [pod("cart-a"), pod("cart-b"), pod("front-a", owner="storefront")]
            },
        }
        super().__init__({**responses, **own})
        self._prometheus = prometheus or _vector()
        self.queries: list[str] = []
        self.error: ClusterError | None = None
        self.wrong_query = ""

    def get(self, path: str) -> Json:
        if self.error is not None:
            raise self.error
        if "/proxy/api/v1/query" not in path:
            return super().get(path)
        self.queries += parse_qs(urlsplit(path).query)["query"]
        if self.wrong_query and self.wrong_query in self.queries[-1]:
            raise BadRequest("parse error.")
        if isinstance(self._prometheus, ClusterError):
            raise self._prometheus
        return self._prometheus


def _vector() -> Json:
    return {
        "data": {
            "result": [
                {"metric": {QUERY_LABEL: name, **labels}, "value": [0, str(value)]}
                for name, labels, value in VECTOR
            ]
        }
    }


@asynccontextmanager
async def observed(cluster: Cluster) -> AsyncIterator[tuple[ClusterSource, Live]]:
    """A source that runs."""
    live = Live()
    measured = Measured(PROMETHEUS, mesh_queries("8s", serving="8s"), window=8.0)
    source = ClusterSource(cluster, cluster.namespace, live, measured=measured, title="a cluster")
    task = asyncio.create_task(source.run())
    try:
        yield source, live
    finally:
        task.cancel()
        await asyncio.wait([task])


async def first_frame(cluster: Cluster) -> Frame:
    async with observed(cluster) as (_, live):
        return await anext(live.frames())


async def test_replicas_and_edges_are_what_kubernetes_and_prometheus_say() -> None:
    cluster = Cluster()

    frame = await first_frame(cluster)

    cart, storefront = frame.services
    assert [(one.name, one.phase, one.rate) for one in cart.replicas] == [
        ("cart-a", "serving", 30),
        ("cart-b", "ready", 10),
    ]
    assert (cart.desired, cart.rate, storefront.rate) == (3, 40, 40)
    assert [(one.source, one.target, one.rate) for one in frame.edges] == [
        (OUTSIDE, "storefront", 40),
        ("storefront", "cart", 40),
    ]
    assert (frame.edges[1].errors, frame.edges[1].retries) == (0.1, 2)
    assert frame.problem == ""


async def test_all_queries_are_one_request() -> None:
    cluster = Cluster()

    await first_frame(cluster)

    [query] = cluster.queries
    assert all(f'"{name}"' in query for name in Name)


@pytest.mark.parametrize(
    ("prometheus", "reason"),
    [
        (Unavailable('no endpoints available for service "prometheus".'), "no endpoints available"),
        ({"data": {}}, "is not understood"),
        ({"data": {"result": [{"metric": {}, "value": [0, "1"]}]}}, "is not understood"),
    ],
)
async def test_without_prometheus_the_replicas_are_shown_and_it_is_said_why(
    prometheus: Json | ClusterError, reason: str
) -> None:
    frame = await first_frame(Cluster(prometheus=prometheus))

    assert [len(one.replicas) for one in frame.services] == [2, 1]
    assert frame.edges == []
    assert frame.problem.startswith("No traffic is seen: Prometheus shop/prometheus:9090 ")
    assert reason in frame.problem
    assert "cartwheel.console.yaml" in frame.problem


async def test_a_query_that_prometheus_rejects_is_named_and_not_prometheus() -> None:
    cluster = Cluster()
    cluster.wrong_query = f'"{Name.RETRIES}"'

    frame = await first_frame(cluster)

    assert [len(one.replicas) for one in frame.services] == [2, 1]
    assert frame.problem == (
        "No traffic is seen: Prometheus shop/prometheus:9090 rejects the query retries "
        "(parse error.) To correct it, write it in cartwheel.console.yaml "
        "and start the console again."
    )


async def test_a_cluster_that_does_not_respond_is_a_problem_of_the_frame() -> None:
    cluster = Cluster()
    cluster.error = Unreachable("The cluster does not respond: Connection refused.")

    frame = await first_frame(cluster)

    assert list(frame.services) == []
    assert frame.problem == (
        "The cluster cannot be read. The cluster does not respond: Connection refused."
    )


async def test_while_the_cluster_cannot_be_read_the_services_are_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cartwheel.console.cluster.source.INTERVAL", 0.01)
    cluster = Cluster()

    async with observed(cluster) as (_, live):
        frames = live.frames()
        first = await anext(frames)
        cluster.error = Unreachable("The cluster does not respond: Connection refused.")
        old = await anext(one async for one in frames if one.problem)

    assert (first.is_old, old.is_old) == (False, True)
    assert [one.name for one in old.services] == [one.name for one in first.services]


async def test_the_autoscaler_is_explained_as_by_cartwheel_explain() -> None:
    cluster = Cluster()
    explainer = ClusterExplainer(cluster, cluster.namespace, source="a cluster")
    [expected] = explainer.explain("deployment/cart")

    async with observed(cluster) as (source, live), serving_console([Routes(source)]) as console:
        async for frame in live.frames():
            if frame.autoscaler is not None:
                break
        found = (await console.client.get("/api/explanation")).json()
        too_early = (await console.client.get("/api/explanation?at=1")).json()

    assert frame.autoscaler.service == "cart"
    assert (frame.autoscaler.desired, frame.autoscaler.ready, frame.autoscaler.serving) == (3, 2, 1)
    assert (frame.autoscaler.target, frame.autoscaler.arrivals) == (20, 40)
    assert found["sentences"][0]["text"] == expected.sentences[0].text
    assert yaml.safe_load(found["manifest"])["kind"] == "ScaledObject"
    assert too_early["sentences"] == []
    assert too_early["notes"] == ["No autoscaler was seen at that time."]


@dataclass(frozen=True)
class Routes:
    """A part that only has the routes of another, which runs already."""

    source: ClusterSource

    @property
    def routes(self) -> Sequence[Route]:
        return self.source.routes

    async def run(self) -> None:
        """Do nothing."""
