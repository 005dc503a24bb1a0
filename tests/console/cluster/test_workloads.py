"""The services and replicas of a namespace."""

from typing import Any

import pytest

from cartwheel.console.cluster.workloads import services_of

HASH = "6d5f7c"


def deployment(name: str, *, replicas: int = 2, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"replicas": replicas}}


def pod(
    name: str,
    *,
    owner: str = "cart",
    created: str = "2026-11-26T10:00:00Z",
    is_ready: bool = True,
    deleted: bool = False,
    state: dict[str, Any] | None = None,
    restarts: int = 0,
    conditions: tuple[dict[str, str], ...] = (),
) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True" if is_ready else "False"}
    metadata: dict[str, Any] = {
        "name": name,
        "creationTimestamp": created,
        "labels": {"pod-template-hash": HASH},
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-{HASH}"}],
    }
    if deleted:
        metadata["deletionTimestamp"] = "2026-11-26T10:05:00Z"
    status = {
        "phase": "Running",
        "conditions": [ready, *conditions],
        "containerStatuses": [{"restartCount": restarts, "state": state or {"running": {}}}],
    }
    return {"metadata": metadata, "status": status}


def test_pods_are_replicas_of_their_deployment_oldest_first() -> None:
    pods = [
        pod("cart-b", created="2026-11-26T10:01:00Z"),
        pod("cart-a"),
        pod("cart-api-x", owner="cart-api"),
        {"metadata": {"name": "valkey-0", "creationTimestamp": "2026-11-26T10:00:00Z"}},
    ]

    cart, api = services_of([deployment("cart"), deployment("cart-api", replicas=1)], pods)

    assert [one.name for one in cart.replicas] == ["cart-a", "cart-b"]
    assert [one.name for one in api.replicas] == ["cart-api-x"]
    assert (cart.desired, api.desired) == (2, 1)


def test_a_service_has_the_name_that_its_metrics_have() -> None:
    [service] = services_of([deployment("web-v2", **{"app.kubernetes.io/name": "web"})], [])

    assert service.name == "web"


def test_what_watches_or_loads_the_shop_is_not_of_its_mesh() -> None:
    deployments = [
        deployment("cart"),
        deployment("grafana", **{"app.kubernetes.io/component": "monitoring"}),
        deployment("load-generator", **{"app.kubernetes.io/component": "load"}),
    ]

    assert [one.name for one in services_of(deployments, [])] == ["cart"]


@pytest.mark.parametrize(
    ("found", "phase", "reason"),
    [
        (pod("p"), "ready", ""),
        (pod("p", is_ready=False), "starting", ""),
        (pod("p", deleted=True), "draining", ""),
        (
            pod("p", is_ready=False, state={"waiting": {"reason": "ContainerCreating"}}),
            "starting",
            "",
        ),
        (
            pod("p", is_ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}}, restarts=4),
            "crashed",
            "CrashLoopBackOff",
        ),
        (
            pod("p", is_ready=False, state={"terminated": {"reason": "OOMKilled"}}),
            "crashed",
            "OOMKilled",
        ),
        (
            pod("p", is_ready=False, state={"waiting": {"reason": "ImagePullBackOff"}}),
            "starting",
            "ImagePullBackOff",
        ),
        (
            pod(
                "p",
                is_ready=False,
                conditions=(
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
                ),
            ),
            "starting",
            "Unschedulable",
        ),
    ],
)
def test_the_phase_of_a_replica_and_why(found: dict[str, Any], phase: str, reason: str) -> None:
    [service] = services_of([deployment("cart")], [found])

    [replica] = service.replicas
    assert (replica.phase, replica.reason) == (phase, reason)
