"""Clusters that were broken by hand: the doctor names what was broken, and names it first."""

from typing import NamedTuple

import pytest

from cartwheel.doctor.check import Examination, examine
from cartwheel.doctor.cluster import CHECKS
from cartwheel.doctor.diagnosis import Diagnosed, diagnose
from tests.doctor.recordings import FOLDER, OF_THE_MACHINE, recorded, view_of


class First(NamedTuple):
    """What the first finding has to be; ``command`` is a part of its command."""

    check: str
    about: str
    command: str


WEB = "deployment/web"
SCALED_OBJECT = "scaledobject/web"
BREAKAGES = {
    "metrics-server-at-zero": First(
        "metrics-server", "metrics-server", "-n kube-system scale deployment metrics-server"
    ),
    "dns-at-zero": First("dns", "DNS", "-n kube-system scale deployment coredns --replicas 1"),
    "dns-cache": First("dns", "DNS", "edit configmap coredns"),
    "cordoned-node": First("nodes", "node/cartwheel-control-plane", "kubectl uncordon"),
    "keda-at-zero": First("keda", "KEDA's operator", "-n keda scale deployment keda-operator"),
    "api-taken": First("metric-apis", "external.metrics.k8s.io", "get apiservice v1beta1"),
    "keda-has-the-api": First("metric-apis", "external.metrics.k8s.io", "get hpa,scaledobject"),
    "no-adapter": First("metric-apis", "custom.metrics.k8s.io", "get apiservices"),
    "quota-used-up": First("quotas", WEB, "describe resourcequota"),
    "missing-image": First("images", WEB, "describe pod"),
    "no-room": First("pods", WEB, "describe nodes"),
    "crashing": First("pods", WEB, "--previous"),
    "missing-secret": First("pods", WEB, "describe pod"),
    "missing-target": First("missing-targets", "hpa/web", "get deployments"),
    "two-autoscalers": First("two-autoscalers", WEB, "get hpa,scaledobject"),
    "at-zero": First("pauses", WEB, "scale deployment/web --replicas 1"),
    "paused-by-keda": First("pauses", SCALED_OBJECT, "autoscaling.keda.sh/paused-"),
    "no-request": First("requests", WEB, "set resources deployment/web --containers app"),
    "labels-of-a-job": First("requests", WEB, "get pods --show-labels migrate-"),
    "no-such-container": First("requests", WEB, "get deployment/web"),
    "rights-of-a-viewer": First("requests", WEB, "set resources deployment/web"),
    "wrong-address": First("prometheus", "Prometheus monitoring/prometheus", "-n monitoring get"),
    "targets-down": First("prometheus", "Prometheus doctor-scrape/prometheus", "get pods"),
    "empty-result": First("chain", SCALED_OBJECT, "http_requests_received_total"),
    "many-series": First("chain", SCALED_OBJECT, "http_requests_received_total"),
    "wrong-query": First("chain", SCALED_OBJECT, "edit scaledobject/web"),
    "keda-cannot-reach-prometheus": First("chain", SCALED_OBJECT, "get networkpolicies"),
    "applied-replicas": First("applied-replicas", WEB, "apply set-last-applied"),
    "applied-replicas-on-the-server": First("applied-replicas", WEB, "--show-managed-fields"),
    "static-fallback": First("fallbacks", SCALED_OBJECT, "currentReplicasIfHigher"),
    "cpu-limit": First("cpu-limits", WEB, '"limits": {"cpu": null}'),
}


def examined(recording: dict[str, object]) -> list[Examination]:
    checks = [check for check in CHECKS if check.name not in OF_THE_MACHINE]
    examinations = [*examine(checks, view_of(recording))]
    assert [each.failure for each in examinations if each.failure] == []
    return examinations


def diagnosed(recording: dict[str, object]) -> list[Diagnosed]:
    return [*diagnose(examined(recording))]


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_is_broken_is_named_first(name: str) -> None:
    first, *_ = diagnosed(recorded(name))
    wanted = BREAKAGES[name]
    assert (first.check, first.finding.about) == (wanted.check, wanted.about)
    assert wanted.command in first.finding.command


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_follows_is_told_as_a_consequence(name: str) -> None:
    """An autoscaler that is stopped is no finding of its own where the cause was found."""
    assert "conditions" not in {each.check for each in diagnosed(recorded(name))}


def test_every_recording_is_tested() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {"healthy", *BREAKAGES}


def test_a_healthy_namespace_has_no_finding_and_says_what_was_seen() -> None:
    examinations = examined(recorded("healthy"))
    assert not diagnose(examinations)
    seen = "; ".join(text for each in examinations for text in each.healthy)
    assert "1 node Ready" in seen
    assert "metrics-server has samples of 1 pod" in seen
    assert "hpa/web is active" in seen


def test_a_viewer_reads_what_it_may_not_see() -> None:
    unseen = {text for each in examined(recorded("rights-of-a-viewer")) for text in each.unseen}
    assert "no right to list nodes" in unseen
    assert "no right to list scaledobjects in doctor-viewer" in unseen
