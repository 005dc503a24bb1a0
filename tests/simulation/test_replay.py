"""A recorded session gives the same decisions again, and its load."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.observation import Observation, Scale, Values
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.errors import CommandError
from cartwheel.recording import (
    Entry,
    Recorder,
    SessionStarted,
    Synced,
    read_recording,
)
from cartwheel.simulation.command import commands
from cartwheel.simulation.replay import Difference, load_of, replay
from tests.simulation.test_command import HPA
from tests.simulation.worlds import autoscaler

START = 1_790_000_000.0
OPTIONS = ControllerOptions(sync_period=1)
RATES = [50, 50, 130, 130, 20, 20, 20, *[40, 90] * 20]


def session() -> Iterator[Entry]:
    """Of an autoscaler whose decisions rest on earlier ones: it stabilizes."""
    spec = autoscaler()
    engine = HorizontalPodAutoscaler(spec, OPTIONS)
    yield SessionStarted(START, spec, OPTIONS)
    count = 2
    for number, rate in enumerate(RATES):
        at = START + number
        observation = Observation(at, Scale(count, count), (), (Values((rate * 1000,)),))
        decision = engine.sync(observation)
        count = decision.desired
        yield Synced(at, spec.name, observation, decision)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return record(tmp_path / "autoscaling.jsonl", list(session()))


def record(path: Path, entries: list[Entry], *, max_size: int = 10**7) -> Path:
    recorder = Recorder(path, max_size=max_size)
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return path


def test_a_session_repeats(recording: Path) -> None:
    found = replay(read_recording(recording))
    assert (found.decisions, found.differences) == (len(RATES), [])
    assert found.describe() == f"All {len(RATES)} decisions are the same."


def test_a_decision_that_was_another_one_is_found(recording: Path) -> None:
    entries = list(read_recording(recording))
    changed = entries[9]
    assert isinstance(changed, Synced)
    entries[9] = replace(changed, decision=replace(changed.decision, desired=6))
    (found,) = replay(entries).differences
    assert found == Difference(changed.at, "cart", 6, changed.decision.desired)


def test_a_session_goes_on_in_a_new_file(tmp_path: Path) -> None:
    entries = list(session())
    size = (record(tmp_path / "all.jsonl", entries)).stat().st_size
    path = record(tmp_path / "two.jsonl", entries, max_size=size * 2 // 3)
    assert (tmp_path / "two.jsonl.1").exists()
    assert replay(read_recording(path)).differences == []


def test_a_lost_beginning_is_said() -> None:
    first, *rest = session()
    found = replay([first, *rest[20:]])
    assert found.missing == 20
    assert not found.differences or "not in the recording" in found.describe()


def test_without_a_decision_there_is_nothing_to_repeat() -> None:
    with pytest.raises(CommandError):
        replay([next(session())])


def test_the_load_is_what_the_autoscaler_saw() -> None:
    first, *rest = session()
    found = load_of([first, *rest[:9], first, *rest[9:]])
    shape = found.shape
    assert found.note == ""
    assert shape.rates == RATES
    assert shape.end - shape.start == len(RATES)


@pytest.mark.parametrize("name", ["cart", "keda-hpa-cart"])
def test_the_load_is_that_of_the_newest_session(name: str) -> None:
    spec = replace(autoscaler(), name=name)
    later = [SessionStarted(START + 36_000, spec, OPTIONS)]
    syncs = [one for one in session() if isinstance(one, Synced)]
    again = [replace(one, at=one.at + 36_000) for one in syncs[:9]]
    found = load_of([*session(), *later, *again])
    assert (found.shape.start, found.shape.rates) == (START + 36_000, RATES[:9])
    assert found.note.startswith("Of 2 sessions, the load is that of the newest")
    assert load_of([*session(), *later]).shape.rates == RATES


def test_a_session_without_requests_has_no_load() -> None:
    syncs = [one for one in session() if isinstance(one, Synced)]
    with pytest.raises(CommandError, match="no request metric"):
        load_of(replace(one, observation=replace(one.observation, readings=())) for one in syncs)


def test_the_command_repeats_a_session_or_takes_its_load(recording: Path) -> None:
    def run(*more: str) -> str:
        arguments = ["backtest", f"--recording={recording}", *more]
        result = CliRunner().invoke(commands, arguments, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result.output

    assert run() == f"All {len(RATES)} decisions are the same.\n"
    (found,) = json.loads(run(HPA, "--json"))["runs"]
    assert found["figures"]["requests"] == sum(RATES)


def test_the_command_fails_if_a_decision_differs(tmp_path: Path) -> None:
    entries = list(session())
    changed = entries[9]
    assert isinstance(changed, Synced)
    entries[9] = replace(changed, decision=replace(changed.decision, desired=6))
    path = record(tmp_path / "changed.jsonl", entries)
    arguments = ["backtest", f"--recording={path}"]
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    assert result.return_value == 1 or isinstance(result.exception, typer.Exit)
    assert result.output.startswith("1 of 47 decisions differ")
