"""What no lab was broken for: recordings with a change, and machines below a kind cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cartwheel.doctor.check import Check, examine
from cartwheel.doctor.cluster import (
    access,
    chain,
    conditions,
    cpu_limits,
    deletions,
    examine_cluster,
    fallbacks,
    images,
    keda,
    kind,
    metric_apis,
    metrics_server,
    nodes,
    pauses,
    pods,
    prometheus,
    requests,
    targets,
)
from cartwheel.doctor.cluster.prometheus_servers import Server, server_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.diagnosis import Diagnosed, diagnose
from cartwheel.doctor.finding import Finding, Severity
from cartwheel.kubernetes.cluster import NO_CONTEXT
from cartwheel.kubernetes.errors import Unreachable
from tests.doctor.recordings import recorded, view_of
from tests.kubernetes.recorded_cluster import RecordedCluster

KUBE_SYSTEM_PODS = "/api/v1/namespaces/kube-system/pods"
PENDING_PODS = "/api/v1/namespaces/doctor-pending/pods"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/doctor-fallback/scaledobjects"


Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts programs of a line of shell into a PATH that has no others."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    for name in ("docker", "kind", "skaffold"):
        write(name, "echo 8589934592")
    return write


def only(check: Check[ClusterView], view: ClusterView) -> Finding:
    (examination,) = examine([check], view)
    assert examination.failure is None
    (finding,) = examination.findings
    return finding


def test_metrics_server_that_distrusts_the_kubelets_is_named_with_its_flag() -> None:
    recording = recorded("metrics-server-at-zero")
    (deployment,) = [
        each
        for each in recording["responses"]["/apis/apps/v1/namespaces/kube-system/deployments"][
            "items"
        ]
        if each["metadata"]["name"] == "metrics-server"
    ]
    deployment["spec"]["replicas"] = 1
    pod = {"metadata": {"name": "metrics-server-1", **labels_of(deployment)}, "status": {}}
    recording["responses"][KUBE_SYSTEM_PODS] = {"items": [pod]}
    recording["logs"][f"{KUBE_SYSTEM_PODS}/metrics-server-1/log?tailLines=50"] = (
        "E1126 scraper.go:149] Failed to scrape node: x509: cannot validate certificate for "
        "10.89.0.2 because it doesn't contain any IP SANs"
    )
    found = only(metrics_server.CHECK, view_of(recording))
    assert "x509" in found.evidence
    assert "--kubelet-insecure-tls" in found.command


def labels_of(deployment: dict[str, Any]) -> dict[str, Any]:
    return {"labels": deployment["spec"]["template"]["metadata"]["labels"]}


def test_samples_that_are_old_are_a_problem_of_metrics_server() -> None:
    recording = recorded("healthy")
    recording["now"] += 600
    assert "newest sample is 10 min old" in only(metrics_server.CHECK, view_of(recording)).problem


def test_a_pod_that_runs_for_long_without_a_sample_is_named() -> None:
    recording = recorded("healthy")
    (path,) = [path for path in recording["responses"] if "v1beta1/namespaces" in path]
    (sample,) = recording["responses"][path]["items"]
    recording["responses"][path]["items"] = []
    found = only(metrics_server.CHECK, view_of(recording))
    assert sample["metadata"]["name"] in found.problem


def test_metrics_server_that_is_not_installed_matters_only_to_those_that_need_it() -> None:
    recording = recorded("healthy")
    del recording["responses"]["/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"]
    found = only(metrics_server.CHECK, view_of(recording))
    assert "hpa/web" in found.problem

    (path,) = [path for path in recording["responses"] if "horizontal" in path]
    recording["responses"][path]["items"] = []
    (examination,) = examine([metrics_server.CHECK], view_of(recording))
    assert not examination.findings


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}, "not Ready"),
        ({"type": "DiskPressure", "status": "True", "message": "full"}, "DiskPressure"),
    ],
)
def test_a_node_that_takes_no_pods_is_named(condition: dict[str, str], word: str) -> None:
    recording = recorded("healthy")
    (node,) = recording["responses"]["/api/v1/nodes"]["items"]
    others = [each for each in node["status"]["conditions"] if each["type"] != condition["type"]]
    node["status"]["conditions"] = [*others, condition]
    assert word in only(nodes.CHECK, view_of(recording)).problem


def test_a_namespace_that_does_not_exist_is_the_only_finding() -> None:
    recording = recorded("healthy")
    recording["responses"]["/version"] = {"gitVersion": "v1.35.4"}
    recording.update(namespace="doctor-helthy", context="prod")
    examinations = examine_cluster(view_of(recording))
    findings = [finding for each in examinations for finding in each.findings]
    assert [each.problem for each in findings] == ["there is no such namespace"]
    assert findings[0].command == "kubectl get namespaces"
    assert examinations[-1].check == "namespace"


def test_two_workloads_that_share_pods_are_named() -> None:
    recording = recorded("healthy")
    responses = recording["responses"]
    for path in [path for path in responses if path.endswith(("deployments", "autoscalers"))]:
        if "doctor-healthy" in path:
            (first,) = responses[path]["items"]
            second = {**first, "metadata": {**first["metadata"], "name": "other"}}
            if "scaleTargetRef" in first["spec"]:
                target = {**first["spec"]["scaleTargetRef"], "name": "other"}
                second["spec"] = {**first["spec"], "scaleTargetRef": target}
            responses[path]["items"] = [first, second]
    found = only(targets.SHARED, view_of(recording))
    assert "its selector matches pods of deployment/other too" in found.problem


def with_odd_autoscaler(of: str, **reference: str) -> dict[str, Any]:
    """A recording with one more autoscaler, before its own."""
    recording = recorded(of)
    (path,) = [path for path in recording["responses"] if "horizontal" in path]
    (autoscaler,) = recording["responses"][path]["items"]
    odd = {
        **autoscaler,
        "metadata": {**autoscaler["metadata"], "name": "odd"},
        "spec": {**autoscaler["spec"], "scaleTargetRef": reference},
        "status": {},
    }
    recording["responses"][path]["items"] = [odd, autoscaler]
    recording["responses"]["/apis/apps/v1"] = {
        "resources": [{"name": "deployments", "kind": "Deployment"}]
    }
    return recording


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("argoproj.io/v1alpha1", "Rollout"),
        ("apps/v1", "Deploymnet"),
        ("extensions/v1beta1", "Deployment"),
    ],
)
def test_a_target_of_an_unknown_kind_is_missing_and_hides_no_other(
    api_version: str, kind: str
) -> None:
    recording = with_odd_autoscaler("no-request", apiVersion=api_version, kind=kind, name="web")
    found = only(targets.MISSING, view_of(recording))
    assert (found.about, api_version in found.evidence) == ("hpa/odd", True)
    (examination,) = examine([requests.CHECK], view_of(recording))
    assert [each.about for each in examination.findings] == ["deployment/web"]
    assert not examination.unseen


def test_a_target_that_may_not_be_read_hides_no_other() -> None:
    recording = with_odd_autoscaler(
        "no-request", apiVersion="argoproj.io/v1alpha1", kind="Rollout", name="web"
    )
    recording["responses"]["/apis/argoproj.io/v1alpha1"] = {
        "error": "Forbidden",
        "message": "not allowed",
    }
    (of_targets, of_requests) = examine([targets.MISSING, requests.CHECK], view_of(recording))
    assert of_targets.unseen == ["rollout/web, which hpa/odd scales: not allowed"]
    assert len(of_requests.findings) == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"workloadRef": {"name": "web"}, "selector": {"matchLabels": {"app": "other"}}},
        {"selector": "app=other"},
    ],
)
def test_custom_resources_without_a_template_or_with_a_written_selector_are_read(
    spec: dict[str, Any],
) -> None:
    recording = with_odd_autoscaler(
        "healthy", apiVersion="argoproj.io/v1alpha1", kind="Rollout", name="web"
    )
    api = "/apis/argoproj.io/v1alpha1"
    recording["responses"][api] = {"resources": [{"name": "rollouts", "kind": "Rollout"}]}
    recording["responses"][f"{api}/namespaces/doctor-healthy/rollouts/web"] = {
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, **spec},
    }
    examinations = examine([targets.SHARED, requests.CHECK, cpu_limits.CHECK], view_of(recording))
    assert not any(each.findings or each.failure or each.unseen for each in examinations)


@pytest.mark.parametrize("of_pod", [True, False], ids=["of-the-pod", "of-its-containers"])
def test_requests_are_those_of_the_pods_whatever_the_template_says(of_pod: bool) -> None:
    recording = recorded("healthy")
    start = "/namespaces/doctor-healthy/"
    (path,) = [path for path in recording["responses"] if path.endswith(f"{start}deployments")]
    (deployment,) = recording["responses"][path]["items"]
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        container["resources"] = {}
    pods_path = f"/api/v1{start}pods"
    if of_pod:
        for pod in recording["responses"][pods_path]["items"]:
            pod["spec"]["resources"] = {"requests": {"cpu": "100m"}}
            for container in pod["spec"]["containers"]:
                container["resources"] = {}
    assert not examine([requests.CHECK], view_of(recording))[0].findings

    recording["responses"][pods_path]["items"] = []
    assert "has no cpu request" in only(requests.CHECK, view_of(recording)).problem


def test_an_autoscaler_that_its_load_holds_at_the_maximum_is_a_risk() -> None:
    recording = recorded("healthy")
    (path,) = [path for path in recording["responses"] if "horizontal" in path]
    (autoscaler,) = recording["responses"][path]["items"]
    autoscaler["status"]["conditions"] = [
        {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}
    ]
    found = only(conditions.CHECK, view_of(recording))
    assert found.severity is Severity.RISK
    capacity, raise_it = found.command.splitlines()
    assert "describe nodes" in capacity
    assert '"maxReplicas": 6' in raise_it


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("FailedGetResourceMetric", "it has no metric"),
        ("InvalidSelector", "it cannot tell the pods of its workload by their labels"),
        ("SomethingNew", "it does not scale (SomethingNew)"),
    ],
)
def test_a_condition_is_said_in_words(reason: str, says: str) -> None:
    recording = recorded("healthy")
    (path,) = [path for path in recording["responses"] if "horizontal" in path]
    (autoscaler,) = recording["responses"][path]["items"]
    condition = {"type": "ScalingActive", "status": "False", "reason": reason}
    autoscaler["status"]["conditions"] = [condition]
    assert only(conditions.CHECK, view_of(recording)).problem == says


def test_a_pod_that_does_not_end_is_described_and_not_killed() -> None:
    recording = recorded("healthy")
    (pod, *_) = recording["responses"]["/api/v1/namespaces/doctor-healthy/pods"]["items"]
    pod["metadata"] |= {"deletionTimestamp": "2020-01-01T00:00:00Z", "finalizers": ["x/y"]}
    found = only(pods.CHECK, view_of(recording))
    assert "x/y" in found.evidence
    assert f"describe pod {pod['metadata']['name']}" in found.command


@pytest.mark.parametrize(
    ("annotations", "is_paused"),
    [
        ({"autoscaling.keda.sh/paused-scale-down": "true"}, True),
        ({"autoscaling.keda.sh/paused-replicas": "0"}, True),
        ({"autoscaling.keda.sh/paused": "False"}, False),
    ],
)
def test_pauses_are_read_as_keda_reads_them(
    annotations: dict[str, str], *, is_paused: bool
) -> None:
    recording = recorded("static-fallback")
    (scaled_object,) = recording["responses"][SCALED_OBJECTS]["items"]
    scaled_object["metadata"]["annotations"] = annotations
    (examination,) = examine([pauses.CHECK], view_of(recording))
    assert bool(examination.findings) is is_paused


def test_a_fallback_that_is_static_by_choice_is_told_as_such() -> None:
    recording = recorded("static-fallback")
    (scaled_object,) = recording["responses"][SCALED_OBJECTS]["items"]
    scaled_object["spec"]["fallback"]["behavior"] = "static"
    assert "has behavior static" in only(fallbacks.CHECK, view_of(recording)).evidence


@pytest.mark.parametrize(
    ("context", "message", "command"),
    [
        ("prod", "context deadline exceeded.", "kubectl --context prod cluster-info"),
        ("prod", 'cannot locate context "prod".', "kubectl config get-contexts"),
        ("", NO_CONTEXT, "kubectl config get-contexts"),
        ("kind-x", "connection refused.", "docker start x-control-plane"),
        ("kind-x", "You must be logged in (Unauthorized).", "kind export kubeconfig --name x"),
    ],
)
def test_a_cluster_that_is_not_reached_is_helped_by_what_kubectl_says(
    context: str, message: str, command: str
) -> None:
    view = ClusterView(
        RecordedCluster({"/version": Unreachable(message)}),  # type: ignore[arg-type]
        "shop",
        context=context,
    )
    assert only(access.CHECK, view).command == command
    assert [each.check for each in examine_cluster(view)] == ["kind-machine", "access"]


def test_our_manifests_are_named_for_our_cluster_only() -> None:
    recording = recorded("healthy")
    del recording["responses"]["/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"]
    assert "manifests/addons" in only(metrics_server.CHECK, view_of(recording)).command
    recording["context"] = "kind-other"
    assert "manifests" not in only(metrics_server.CHECK, view_of(recording)).command


def test_an_image_that_docker_has_is_loaded_into_the_node(install: Install) -> None:
    recording = recorded("missing-image")
    load = "kind load docker-image nowhere.example/web:1 --name cartwheel"
    assert only(images.CHECK, view_of(recording)).command == load
    install("docker", "exit 1")
    assert "describe pod" in only(images.CHECK, view_of(recording)).command


def test_an_image_that_is_always_pulled_is_told_as_such(install: Install) -> None:
    recording = recorded("missing-image")
    (pod,) = recording["responses"]["/api/v1/namespaces/doctor-image/pods"]["items"]
    pod["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    found = only(images.CHECK, view_of(recording))
    assert "imagePullPolicy is Always" in found.evidence
    assert '{"name": "app", "imagePullPolicy": "IfNotPresent"}' in found.command


def test_a_scaled_object_that_waits_for_a_deleted_keda_is_freed() -> None:
    recording = recorded("static-fallback")
    (scaled_object,) = recording["responses"][SCALED_OBJECTS]["items"]
    scaled_object["metadata"]["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    found = only(deletions.CHECK, view_of(recording))
    assert found.about == "scaledobject/web"
    assert found.follows_from == ["keda KEDA's operator"]
    assert '"finalizers": null' in found.command


def test_an_empty_result_that_keda_takes_for_zero_is_told_as_such() -> None:
    recording = recorded("empty-result")
    (path,) = [path for path in recording["responses"] if path.endswith("scaledobjects")]
    (scaled_object,) = recording["responses"][path]["items"]
    del scaled_object["spec"]["triggers"][0]["metadata"]["ignoreNullValues"]
    assert "KEDA takes nothing for 0" in only(chain.CHECK, view_of(recording)).problem


def test_the_last_event_of_keda_says_why_it_has_no_metric() -> None:
    found = only(chain.CHECK, view_of(recorded("keda-cannot-reach-prometheus")))
    assert found.evidence.startswith(
        'KEDA\'s event: Get "http://prometheus.doctor-policy.svc:9090/api/v1/query?query=…"'
    )
    assert "no such host" not in found.evidence, "that was a former event"


def test_without_rights_on_the_cluster_the_apis_are_known_by_their_groups() -> None:
    (examination,) = examine([metric_apis.CHECK], view_of(recorded("rights-of-a-viewer")))
    assert examination.healthy == ["the API external.metrics.k8s.io is there"]


def test_a_prometheus_outside_the_cluster_is_not_asked() -> None:
    recording = recorded("static-fallback")
    (scaled_object,) = recording["responses"][SCALED_OBJECTS]["items"]
    metadata = scaled_object["spec"]["triggers"][0]["metadata"]
    metadata["serverAddress"] = "https://prometheus.example.com/api"
    (of_servers, of_chain) = examine([prometheus.CHECK, chain.CHECK], view_of(recording))
    assert not of_servers.findings
    assert not of_chain.findings
    assert any("is outside the cluster" in reason for reason in of_chain.unseen)


def test_targets_of_other_namespaces_are_not_judged() -> None:
    recording = recorded("wrong-query")
    (path,) = [path for path in recording["responses"] if "/targets" in path]
    other = {"instance": "10.0.0.1:10249", "namespace": "kube-system"}
    recording["responses"][path]["data"]["activeTargets"].append(
        {"health": "down", "lastError": "connection refused", "labels": other}
    )
    (of_servers, of_chain) = examine([prometheus.CHECK, chain.CHECK], view_of(recording))
    assert not of_servers.findings
    assert len(of_chain.findings) == 1


def unschedulable(recording: dict[str, Any], message: str) -> list[Diagnosed]:
    """What is said of a pod that waits while a second node is cordoned."""
    for pod in recording["responses"][PENDING_PODS]["items"]:
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                condition["message"] = message
    (node,) = recording["responses"]["/api/v1/nodes"]["items"]
    cordoned = {
        **node,
        "metadata": {**node["metadata"], "name": "other"},
        "spec": {"unschedulable": True},
    }
    recording["responses"]["/api/v1/nodes"]["items"] = [node, cordoned]
    return [*diagnose(examine([nodes.CHECK, pods.CHECK], view_of(recording)))]


def test_a_cordoned_node_explains_only_the_pods_that_wait_for_it() -> None:
    first, second = unschedulable(
        recorded("no-room"), "0/2 nodes are available: 2 Insufficient cpu."
    )
    assert (first.check, second.check) == ("pods", "nodes")

    (first,) = unschedulable(recorded("no-room"), "0/2 nodes are available: 1 were unschedulable.")
    assert first.finding.about == "node/other"
    assert [each.check for each in first.consequences] == ["pods"]


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("http://prometheus.shop.svc:9090", Server("shop", "prometheus", 9090)),
        ("http://p.shop.svc.cluster.local:9090/x/", Server("shop", "p", 9090, prefix="/x")),
        ("https://p.shop.svc", Server("shop", "p", 443, scheme="https")),
        ("http://p.doctor-fallback", Server("doctor-fallback", "p", 80)),
        # KEDA's namespace.
        ("http://prometheus:9090", Server("keda", "prometheus", 9090)),
        ("https://example.com", None),
        ("https://prometheus.example.com", None),
        ("http://localhost:9090", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_the_service_behind_an_address(address: str, server: Server | None) -> None:
    assert server_of(view_of(recorded("static-fallback")), address) == server


def test_a_server_is_asked_at_its_own_scheme_and_path() -> None:
    server = Server("shop", "p", 443, scheme="https", prefix="/prometheus")
    assert server.path("/api/v1/query", query="a / b") == (
        "/api/v1/namespaces/shop/services/https:p:443/proxy/prometheus/api/v1/query?query=a%20%2F%20b"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"serverAddress": "http://prometheus.shop.svc:9090", "query": "up"}},
        {"authenticationRef": {"name": "web"}},
    ],
)
def test_what_keda_reads_is_not_broken_because_the_doctor_cannot(change: dict[str, Any]) -> None:
    recording = recorded("static-fallback")
    (scaled_object,) = recording["responses"][SCALED_OBJECTS]["items"]
    scaled_object["spec"]["triggers"][0].update(change)
    (of_servers, of_chain) = examine([prometheus.CHECK, chain.CHECK], view_of(recording))
    assert not of_servers.findings
    assert not of_chain.findings
    assert any("the query of scaledobject/web" in each for each in of_chain.unseen)


EXTERNAL_API = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
KEDA_DEPLOYMENTS = "/apis/apps/v1/namespaces/keda/deployments"


def keda_in(namespace: str) -> dict[str, Any]:
    """A recording with KEDA in another namespace, named as by its Helm chart."""
    recording = recorded("static-fallback")
    responses = recording["responses"]
    service = {"namespace": namespace, "name": "keda-operator-metrics-apiserver"}
    responses[EXTERNAL_API]["spec"]["service"] = service
    deployments = responses.pop(KEDA_DEPLOYMENTS)
    names = {
        "keda-admission": "keda-admission-webhooks",
        "keda-metrics-apiserver": "keda-operator-metrics-apiserver",
    }
    for each in deployments["items"]:
        name = each["metadata"]["name"]
        each["metadata"] |= {"name": names.get(name, name), "namespace": namespace}
    responses[f"/apis/apps/v1/namespaces/{namespace}/deployments"] = deployments
    return recording


def test_keda_is_found_where_its_api_is_served_from() -> None:
    recording = keda_in("scaling")
    (examination,) = examine([keda.CHECK], view_of(recording))
    assert examination.healthy == ["KEDA runs"]
    deployments = recording["responses"]["/apis/apps/v1/namespaces/scaling/deployments"]["items"]
    (server,) = [each for each in deployments if "metrics" in each["metadata"]["name"]]
    server.update(status={}, spec={**server["spec"], "replicas": 0})
    found = only(keda.CHECK, view_of(recording))
    assert found.about == "KEDA's metrics server"
    assert "-n scaling scale deployment keda-operator-metrics-apiserver" in found.command
    assert found.problem == "it does not run: autoscalers get no external metrics"


def test_a_stopped_autoscaler_is_told_even_if_scaled_objects_may_not_be_read() -> None:
    recording = recorded("many-series")
    for path in recording["responses"]:
        if path.endswith("scaledobjects"):
            recording["responses"][path] = {"error": "Forbidden", "message": "not allowed"}
    assert "it has no metric" in only(conditions.CHECK, view_of(recording)).problem


def test_keda_that_may_not_be_seen_is_no_finding() -> None:
    recording = keda_in("scaling")
    forbidden = {"error": "Forbidden", "message": "not allowed"}
    recording["responses"] |= {
        EXTERNAL_API: forbidden,
        "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fpart-of%3Dkeda-operator": (
            forbidden
        ),
    }
    (examination,) = examine([keda.CHECK], view_of(recording))
    assert (examination.findings, examination.unseen) == ([], ["not allowed"])


def kind_view(*, responds: bool = True) -> ClusterView:
    version = {"gitVersion": "v1.35.4"} if responds else Unreachable("connection refused.")
    return ClusterView(RecordedCluster({"/version": version}), "shop", context="kind-cartwheel")  # type: ignore[arg-type]


def test_a_kind_cluster_needs_its_tools(install: Install, tmp_path: Path) -> None:
    (tmp_path / "kind").unlink()
    assert only(kind.CHECK, kind_view()).problem == "kind is not installed"


def test_images_that_skaffold_neither_loads_nor_pushes_are_a_finding(install: Install) -> None:
    install("skaffold", "echo 'kind-disable-load: true'")
    assert "kind-disable-load false" in only(kind.CHECK, kind_view()).command


def test_a_node_that_was_stopped_is_started_again(install: Install) -> None:
    install("docker", 'case "$*" in inspect*) echo exited;; *) echo 8589934592;; esac')
    found = only(kind.CHECK, kind_view(responds=False))
    assert found.command == "docker start cartwheel-control-plane"


def test_cgroup_v1_matters_if_the_cluster_does_not_start(install: Install) -> None:
    install("docker", 'case "$*" in *Cgroup*) echo 1;; *) echo 8589934592;; esac')
    assert not examine([kind.CHECK], kind_view())[0].findings
    install("docker", 'case "$*" in *Cgroup*) echo 1;; inspect*) echo;; *) echo 8589934592;; esac')
    assert "cgroup v1" in only(kind.CHECK, kind_view(responds=False)).problem
