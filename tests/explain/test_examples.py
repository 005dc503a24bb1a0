"""Each file of `examples/` is read, explained and backtested without a change."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.manifests import Autoscaler, read_autoscalers
from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Reading,
    Sample,
    Scale,
    Values,
)
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.explain.explanation import Sync, explain_sync
from cartwheel.simulation.command import commands

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.yaml"))
OPTIONS = ControllerOptions()
PODS = [
    Pod(f"pod-{n}", ready_since=-1e4, started_at=-1e4, requests={"app": {"cpu": 100}})
    for n in range(3)
]
CPU = PodSamples({pod.name: Sample(80, 0.0, 15.0) for pod in PODS})


def read(name: str) -> Autoscaler:
    (found,) = read_autoscalers([EXAMPLES / name])
    return found


def explained(name: str, *readings: Reading, replicas: int = 3) -> list[str]:
    autoscaler = read(name)
    observation = Observation(0.0, Scale(replicas, replicas), PODS[:replicas], readings)
    if isinstance(autoscaler, ScaledObject):
        keda = KedaAutoscaler(autoscaler, OPTIONS)
        decision, state = keda.sync(observation), keda.state.hpa
    else:
        hpa = HorizontalPodAutoscaler(autoscaler, OPTIONS)
        decision, state = hpa.sync(observation), hpa.state
    sync = Sync(autoscaler, OPTIONS, observation, decision, state)
    found = explain_sync(sync, source="test")
    return [one.text for one in (*found.sentences, *found.outlook)]


def test_podinfo_waits_five_minutes_and_grows_above_the_tolerance() -> None:
    assert explained("podinfo.yaml", CPU)[-3:] == [
        "With the same load it stays at 3 replicas.",
        "At 109 % of the request it grows to 4 at the next sync, within 15 s.",
        "At 66 % of the request or less it shrinks to 2 after 315 s.",
    ]


def test_the_metrics_of_the_frontend_are_in_the_order_of_the_autoscaler_that_keda_makes() -> None:
    found = explained("boutique-frontend.yaml", Values([400_000]), CPU)

    assert "The highest proposal decides: 8, from s0-prometheus." in found
    assert any(text.startswith("CPU is at 80 % of the request") for text in found)


def test_the_worker_has_one_replica_for_five_messages() -> None:
    found = explained("queue-worker.yaml", Values([41_000]))

    assert found[0] == "Deployment worker goes from 3 to 6 replicas."
    assert "It proposes 9 replicas: 2.73 × 3 replicas that exist, rounded up." in found
    assert found[-1] == "KEDA sets 0 replicas after 30 s without s0-rabbitmq above 0."


def test_the_worker_that_rests_is_woken_by_the_first_message() -> None:
    found = explained("queue-worker.yaml", Values([0]), replicas=0)

    assert found[0] == "Deployment worker stays at 0 replicas."
    assert found[-1] == ("With s0-rabbitmq above 0 KEDA wakes it to 1 replica; it looks every 5 s.")


@pytest.mark.parametrize("name", FILES)
def test_each_example_is_backtested(name: str, tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    load.write_text("".join(f"{n * 15},{50 if n % 40 < 20 else 250}\n" for n in range(120)))

    result = CliRunner().invoke(
        commands,
        [
            "backtest",
            f"--csv={load}",
            "--assume=capacity=200,cpu-per-request=1ms,cpu-request=100m",
            str(EXAMPLES / name),
            "--json",
        ],
        standalone_mode=False,
    )

    assert result.exception is None
    (found,) = json.loads(result.output)["runs"]
    assert found["figures"]["syncs"] == 120
    assert found["figures"]["changes"] > 0


def test_every_example_is_in_the_readme() -> None:
    page = (EXAMPLES / "README.md").read_text()

    assert [name for name in FILES if f"`{name}`" not in page] == []
