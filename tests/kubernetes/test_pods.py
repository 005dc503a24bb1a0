"""Pods of the API as the autoscaler sees them."""

from typing import Any

import pytest

from cartwheel.autoscaling.observation import Pod
from cartwheel.kubernetes.pods import pod_from_object


def pod_object(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "cart-1"}, "spec": spec, "status": {"phase": "Running"}}


def container(name: str, **requests: str) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": requests}}


def test_state_and_requests_are_read() -> None:
    item = pod_object(containers=[container("app", cpu="25m", memory="72Mi"), {"name": "bare"}])
    item["metadata"]["deletionTimestamp"] = "2026-11-26T10:05:00Z"
    item["status"] |= {
        "startTime": "2026-11-26T10:00:00Z",
        "conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-26T10:00:02Z"}
        ],
    }

    assert pod_from_object(item) == Pod(
        name="cart-1",
        phase="Running",
        ready=False,
        started_at=1795687200.0,
        ready_since=1795687202.0,
        is_deleted=True,
        requests={"app": {"cpu": 25, "memory": 72 * 1024 * 1024 * 1000}, "bare": {}},
    )


def test_a_pod_that_was_just_made_has_no_ready_condition() -> None:
    item = pod_object(containers=[])
    item["status"] = {"phase": "Pending"}

    pod = pod_from_object(item)

    assert (pod.phase, pod.ready, pod.ready_since, pod.started_at) == ("Pending", None, None, None)


@pytest.mark.parametrize(
    ("status", "ready", "is_unknown"),
    [("True", True, False), ("False", False, False), ("Unknown", False, True)],
)
def test_unknown_readiness_is_a_third_state(status: str, ready: bool, is_unknown: bool) -> None:
    item = pod_object(containers=[])
    item["status"]["conditions"] = [{"type": "Ready", "status": status}]

    pod = pod_from_object(item)

    assert (pod.ready, pod.has_unknown_readiness) == (ready, is_unknown)


def test_init_containers_count_if_they_keep_running() -> None:
    item = pod_object(
        containers=[container("app", cpu="100m")],
        initContainers=[
            container("migrate", cpu="1"),
            container("proxy", cpu="10m") | {"restartPolicy": "Always"},
        ],
    )

    assert [*pod_from_object(item).requests] == ["app", "proxy"]


def test_a_request_of_the_pod_stands_above_those_of_its_containers() -> None:
    item = pod_object(
        containers=[container("app", cpu="100m", memory="10")],
        resources={"requests": {"cpu": "1"}},
        overhead={"cpu": "50m"},
    )

    assert pod_from_object(item).pod_requests == {"cpu": 1050, "memory": 10_000}


def test_a_resize_is_named() -> None:
    item = pod_object(containers=[])
    item["status"]["conditions"] = [{"type": "PodResizeInProgress", "status": "True"}]

    assert pod_from_object(item).resize == "InProgress"

    item["status"]["conditions"] += [
        {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
    ]

    assert pod_from_object(item).resize == "Infeasible"
