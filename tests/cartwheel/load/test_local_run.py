"""The replicas and decisions of the local run, from its control socket and its recording."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.manifests import read_autoscalers
from cartwheel.autoscaling.observation import Observation, Scale
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.load.local_run import LocalRun
from cartwheel.load.session import Session
from cartwheel.local.control_socket import serve_control_socket
from cartwheel.local.state_folder import StateFolder
from cartwheel.recording import Recorder, ReplicasChanged, SessionStarted, Synced
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
SCALED_OBJECT = ROOT / "manifests/components/autoscaling-requests/scaledobject.yaml"
WITHIN = 10.0


@asynccontextmanager
async def supervisor(folder: Path, **status: Any) -> AsyncIterator[StateFolder]:
    """What answers on the control socket of a run: its status."""
    state = StateFolder.at(folder)
    services = [
        {"service": "cart", "url": "http://127.0.0.1:8102", "desired": 2, "ready": 1},
        {"service": "storefront", "url": "http://127.0.0.1:8080", "desired": 1, "ready": 1},
    ]

    async def handle(_: dict[str, Any]) -> dict[str, Any]:
        return {"services": services, **status}

    with state.locked():
        async with serve_control_socket(state.control_socket, handle):
            yield state


async def found(state: StateFolder) -> LocalRun:
    run = await asyncio.to_thread(LocalRun.find, state)
    assert run is not None
    return run


@pytest.mark.parametrize(
    ("target", "is_it"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8081", False),
        ("http://10.0.0.1:8080", False),
    ],
)
async def test_it_is_at_a_target_with_its_port_on_this_machine(
    tmp_path: Path, target: str, is_it: bool
) -> None:
    async with supervisor(tmp_path) as state:
        assert (await found(state)).is_at(target) is is_it


async def test_without_a_supervisor_there_is_none(tmp_path: Path) -> None:
    assert LocalRun.find(StateFolder.at(tmp_path)) is None


async def test_it_follows_what_the_autoscaler_records(tmp_path: Path) -> None:
    (scaled,) = read_autoscalers([SCALED_OBJECT])
    recorder = Recorder(tmp_path / "autoscaling.jsonl", max_size=4000)
    recorder.record(SessionStarted(1.0, scaled, ControllerOptions()))
    recorder.record(ReplicasChanged(1.0, "cart", 2, 2, 2, 2))
    made = Session("http://127.0.0.1:8080", "cart-add", [])
    async with supervisor(tmp_path, autoscaler={"service": "cart"}) as state:
        following = asyncio.create_task((await found(state)).follow(made))
        await until(lambda: _has(made.replicas, 1), within=WITHIN)
        # More than fits into one file: the recording goes on in another.
        for number in range(20):
            recorder.record(ReplicasChanged(2.0, "user", 1, 1, 1, 1))
            recorder.record(ReplicasChanged(2.0 + number, "cart", number, 3, 2, 1))
        recorder.record(synced("cart", current=2, desired=7))
        recorder.record(synced("cart", current=7, desired=7))
        await until(lambda: _has(made.decisions, 1), within=WITHIN)
        following.cancel()
        await asyncio.wait([following])
    recorder.close()
    first, *changes = made.replicas
    assert (first.desired, first.ready) == (2, 1)
    assert [change.desired for change in changes] == list(range(20))
    (decision,) = made.decisions
    assert (decision.current, decision.desired) == (2, 7)
    assert decision.summary.startswith("2 → 7, ")
    assert "goes from 2 to 7 replicas" in decision.sentences[0].text


def synced(name: str, *, current: int, desired: int) -> Synced:
    observation = Observation(5.0, Scale(current, current), [], [])
    decision = Decision(5.0, current, desired, [], None, None, None, {}, [])
    return Synced(5.0, name, observation, decision)


async def _has(items: list[Any], number: int) -> bool:
    return len(items) >= number


async def test_without_an_autoscaler_it_asks_for_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cartwheel.load.local_run.STATUS_INTERVAL", 0.01)
    made = Session("http://127.0.0.1:8080", "cart-add", [])
    async with supervisor(tmp_path, autoscaler=None) as state:
        following = asyncio.create_task((await found(state)).follow(made))
        await until(lambda: _has(made.replicas, 3), within=WITHIN)
        following.cancel()
        await asyncio.wait([following])
    assert {(one.desired, one.serving) for one in made.replicas} == {(2, 1)}
