"""The engine decides what kube-controller-manager decided, given what it read.

`recorded/*.jsonl` were recorded on a cluster by `record_decisions.py`, with one sync a second.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.manifests import autoscaler_from_object
from cartwheel.autoscaling.observation import Observation, Reading, Scale
from cartwheel.autoscaling.observation import Unavailable as Unread
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import ControllerOptions, HorizontalPodAutoscalerSpec
from cartwheel.kubernetes.errors import ClusterError, Unavailable
from cartwheel.kubernetes.metrics import reading_of
from cartwheel.kubernetes.pods import pod_from_object

Json = dict[str, Any]

REQUESTS = Path(__file__).parent / "recorded" / "requests.jsonl"
RECORDINGS = sorted(Path(__file__).with_name("recorded").glob("*.jsonl"))


def read_lines(recording: Path) -> tuple[Json, Iterator[Json]]:
    """The head, and each sync in full: a line has only what is new."""
    head, *lines = map(json.loads, recording.read_text().splitlines())

    def syncs() -> Iterator[Json]:
        sync: Json = {}
        pods: Json = {}
        for line in lines:
            pods = pods | line.get("pods", {})
            sync = sync | line
            yield sync | {"pods": [pod for pod in pods.values() if pod is not None]}

    return head, syncs()


def observation_of(sync: Json, metrics: list[Json]) -> Observation:
    scale = sync["scale"]
    return Observation(
        sync["at"],
        Scale(scale["spec"].get("replicas", 0), scale["status"].get("replicas", 0)),
        [pod_from_object(pod) for pod in sync["pods"]],
        [
            reading(metric, response)
            for metric, response in zip(metrics, sync["metrics"], strict=True)
        ],
    )


def reading(metric: Json, response: Json) -> Reading:
    failed = response.get("kind") == "Status"
    error: ClusterError = Unavailable(response.get("message", ""))
    return reading_of(metric, error if failed else response)


def replayed_by_keda(recording: Path) -> Iterator[tuple[Json, Decision]]:
    """With the ScaledObject, and without a reading while Prometheus was gone."""
    head, syncs = read_lines(recording)
    made_of = json.loads(recording.with_suffix(".scaledobject.json").read_text())
    gone, back = made_of["outage"]
    scaled_object = autoscaler_from_object(made_of["scaledObject"])
    assert isinstance(scaled_object, ScaledObject)
    autoscaler = KedaAutoscaler(scaled_object, ControllerOptions(**head["options"]))
    for sync in syncs:
        observation = observation_of(sync, head["autoscaler"]["spec"]["metrics"])
        if gone <= sync["at"] < back:
            observation = replace(observation, readings=[Unread("no response")])
        yield sync, autoscaler.sync(observation)


def replayed(recording: Path) -> Iterator[tuple[Json, Decision]]:
    head, syncs = read_lines(recording)
    spec = autoscaler_from_object(head["autoscaler"])
    assert isinstance(spec, HorizontalPodAutoscalerSpec)
    autoscaler = HorizontalPodAutoscaler(spec, ControllerOptions(**head["options"]))
    for sync in syncs:
        metrics = head["autoscaler"]["spec"]["metrics"]
        yield sync, autoscaler.sync(observation_of(sync, metrics))


def decided(decision: Decision) -> Json:
    """What the recording has of a decision."""
    chosen = None if decision.winner is None else decision.proposals[decision.winner]
    return {
        "desired": decision.desired,
        "proposed": None if chosen is None else chosen.replicas,
        "conditions": {
            name: [str(one.status), one.reason] for name, one in decision.conditions.items()
        },
        "values": [one.value for one in decision.proposals if one.error is None],
    }


def values_of(metrics: list[Json]) -> list[int]:
    """The values that the status reports: percent, or thousandths. A failed metric has no type."""
    sources = [source for one in metrics for source in one.values() if isinstance(source, dict)]
    return [
        source["current"].get("averageUtilization")
        or parse_quantity(source["current"]["averageValue"])
        for source in sources
    ]


def controller_decided(sync: Json, ours: Json) -> Json:
    """What the controller decided. It writes a status only when that changes: else ours stands."""
    result = sync["result"]
    return {
        "desired": sync["desired"],
        "proposed": result.get("proposed"),
        "conditions": result.get("conditions", ours["conditions"]),
        "values": values_of(result["metrics"]) if "metrics" in result else ours["values"],
    }


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_every_sync_decides_as_the_controller_did(recording: Path) -> None:
    for sync, decision in replayed(recording):
        ours = decided(decision)
        assert ours == controller_decided(sync, ours), f"at {sync['at']}"


def test_while_prometheus_is_gone_the_fallback_decides_as_that_of_keda_did() -> None:
    """KEDA's own value is in the recording; here it is computed from the ScaledObject."""
    for sync, decision in replayed_by_keda(REQUESTS):
        ours = decided(decision)
        assert ours == controller_decided(sync, ours), f"at {sync['at']}"
