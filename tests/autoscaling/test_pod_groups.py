"""Which pods count, case by case as the tests of the controller have them."""

from dataclasses import replace

import pytest

from cartwheel.autoscaling.decision import PodGroup
from cartwheel.autoscaling.observation import Pod, Sample
from cartwheel.autoscaling.pod_groups import group_pods
from cartwheel.autoscaling.spec import ControllerOptions

NOW = 1_000_000.0
MINUTE = 60.0
OPTIONS = ControllerOptions(cpu_initialization_period=120, initial_readiness_delay=10)
SAMPLE = Sample(100, NOW, 60)


def pod(**fields: object) -> Pod:
    return replace(Pod("cart-1", ready_since=NOW, started_at=NOW), **fields)  # type: ignore[arg-type]


G01 = pod(ready=None, ready_since=None)
G02 = pod(started_at=NOW - MINUTE, ready_since=NOW - 30)
G04 = pod(started_at=NOW - 10 * MINUTE, ready=False, ready_since=NOW - 10 * MINUTE + 6)
G05 = pod(started_at=NOW - 3 * MINUTE, ready_since=NOW - 3 * MINUTE)
G06 = pod(started_at=NOW - 10 * MINUTE, ready=False, ready_since=NOW - 9 * MINUTE)
G07 = pod(started_at=NOW - 10 * MINUTE, ready=False, ready_since=NOW - 10 * MINUTE + 10)
G12 = pod(ready=None, ready_since=None, started_at=None)


@pytest.mark.parametrize(
    ("one", "sample", "resource", "group"),
    [
        pytest.param(G01, SAMPLE, "cpu", PodGroup.UNREADY, id="G01-no-ready-condition"),
        pytest.param(G02, Sample(1, NOW, 30), "cpu", PodGroup.READY, id="G02-whole-sample-ready"),
        pytest.param(G02, Sample(1, NOW, 60), "cpu", PodGroup.UNREADY, id="G03-sample-too-long"),
        pytest.param(G04, SAMPLE, "cpu", PodGroup.UNREADY, id="G04-never-ready"),
        pytest.param(
            G05, Sample(1, NOW - 2 * MINUTE, 60), "cpu", PodGroup.READY, id="G05-old-sample"
        ),
        pytest.param(G06, SAMPLE, "cpu", PodGroup.READY, id="G06-was-ready-once"),
        pytest.param(G07, SAMPLE, "cpu", PodGroup.READY, id="G07-delay-is-exclusive"),
        pytest.param(pod(), None, "cpu", PodGroup.MISSING, id="G08-no-sample"),
        pytest.param(pod(phase="Pending"), SAMPLE, "cpu", PodGroup.UNREADY, id="G09-pending"),
        pytest.param(
            pod(is_deleted=True, phase="Pending"),
            SAMPLE,
            "cpu",
            PodGroup.IGNORED,
            id="G10-being-deleted",
        ),
        pytest.param(pod(phase="Failed"), SAMPLE, "cpu", PodGroup.IGNORED, id="G11-failed"),
        pytest.param(G12, SAMPLE, "memory", PodGroup.READY, id="G12-memory-needs-no-readiness"),
        pytest.param(
            pod(started_at=NOW - 120, ready=False, ready_since=NOW - 30),
            SAMPLE,
            "cpu",
            PodGroup.READY,
            id="the-initialization-period-is-over",
        ),
        pytest.param(
            pod(started_at=NOW - 60, ready_since=NOW - 60, ready=False, has_unknown_readiness=True),
            SAMPLE,
            "cpu",
            PodGroup.READY,
            id="unknown-is-not-unready-for-cpu",
        ),
        pytest.param(pod(phase="Succeeded"), SAMPLE, "cpu", PodGroup.IGNORED, id="finished"),
        pytest.param(pod(phase="Pending"), None, None, PodGroup.UNREADY, id="pending-not-missing"),
    ],
)
def test_a_pod_counts(
    one: Pod, sample: Sample | None, resource: str | None, group: PodGroup
) -> None:
    samples = {} if sample is None else {one.name: sample}
    found = group_pods([one], samples, resource=resource, now=NOW, options=OPTIONS)
    assert found[one.name].group is group


def test_a_pod_that_does_not_count_says_why() -> None:
    found = group_pods([G04], {G04.name: SAMPLE}, resource="cpu", now=NOW, options=OPTIONS)
    assert found[G04.name].reason == "never ready since its start"
