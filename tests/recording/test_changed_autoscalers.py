"""A recording has each change of an autoscaler, and every reader of it honours them."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.autoscaling.changes import Engine, changed
from cartwheel.autoscaling.keda import autoscaler_of
from cartwheel.autoscaling.manifests import Autoscaler, read_autoscalers
from cartwheel.autoscaling.observation import Observation, Scale, Unavailable, Values
from cartwheel.autoscaling.scaled_object import Pause, ScaledObject
from cartwheel.autoscaling.spec import (
    Behavior,
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    SelectPolicy,
    Target,
    TargetType,
)
from cartwheel.explain.recorded import explain_recorded
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    Recorder,
    SessionStarted,
    Synced,
    read_recording,
)
from cartwheel.simulation.replay import load_of, replay

ROOT = Path(__file__).parents[2]
OPTIONS = ControllerOptions(sync_period=5.0)
(SCALED,) = read_autoscalers([ROOT / "manifests/components/autoscaling-requests/scaledobject.yaml"])
assert isinstance(SCALED, ScaledObject)
HPA = HorizontalPodAutoscalerSpec(
    "cart",
    SCALED.target,
    max_replicas=7,
    metrics=[ExternalMetric("rate", Target(TargetType.AVERAGE_VALUE, 20_000))],
    behavior=SCALED.behavior,
)


def with_window(seconds: int) -> Behavior:
    behavior = SCALED.behavior or Behavior()
    down = replace(behavior.scale_down, stabilization_window_seconds=seconds)
    return replace(behavior, scale_down=down)


def disabled() -> Behavior:
    up, down = with_window(20).scale_up, with_window(20).scale_down
    off = SelectPolicy.DISABLED
    return Behavior(replace(up, select_policy=off), replace(down, select_policy=off))


MANIFESTS: Sequence[Autoscaler] = (
    SCALED,
    replace(SCALED, max_replicas=4),
    replace(SCALED, min_replicas=5),
    replace(SCALED, triggers=[replace(SCALED.triggers[0], threshold=10_000)]),
    replace(SCALED, behavior=with_window(300)),
    replace(SCALED, behavior=None),
    replace(SCALED, pause=Pause()),
    replace(SCALED, pause=Pause(only_scale_in=True)),
    replace(SCALED, autoscaler_name=""),
    HPA,
    replace(HPA, behavior=disabled()),
    replace(HPA, behavior=None),
)
Step = int | None | Autoscaler
RATES = st.sampled_from([0, 30, 90, 140, 300, None])
STEPS = st.lists(st.one_of(RATES, RATES, st.sampled_from(MANIFESTS)), min_size=1, max_size=40)


def session(steps: Sequence[Step]) -> list[Entry]:
    """What a controller records: a sync each 5 s at a rate, and changes between two syncs."""
    engine: Engine = autoscaler_of(SCALED, OPTIONS)
    entries: list[Entry] = [SessionStarted(0.0, SCALED, OPTIONS, manifest="first")]
    count, at = 2, 0.0
    for number, step in enumerate(steps):
        if isinstance(step, ScaledObject | HorizontalPodAutoscalerSpec):
            engine = changed(engine, step)
            entries.append(AutoscalerChanged(at + 1.0, step, manifest=f"edit {number}"))
            continue
        at += 5.0
        reading = Unavailable("no response") if step is None else Values([step * 1000])
        seen = Observation(at, Scale(count, count), [], [reading])
        decision = engine.sync(seen)
        entries.append(Synced(at, "cart", seen, decision))
        count = decision.desired
    return entries


def record(folder: Path, entries: Sequence[Entry], *, max_size: int = 10**7) -> Path:
    path = folder / "autoscaling.jsonl"
    recorder = Recorder(path, max_size=max_size)
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return path


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, share=st.sampled_from([0.6, 0.8, 2.0]))
def test_any_session_with_changes_repeats_also_over_two_files(
    steps: Sequence[Step], share: float
) -> None:
    entries = session([*steps, 90])
    with tempfile.TemporaryDirectory() as folder:
        size = record(Path(folder), entries).stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder), entries, max_size=max(round(size * share), 30_000))
        found = replay(read_recording(path))
        (explained,) = explain_recorded(path)
    assert found.differences == []
    last = entries[-1]
    assert isinstance(last, Synced)
    assert explained.decision is not None
    assert explained.decision.desired == last.decision.desired
    in_force = [one for one in entries if isinstance(one, SessionStarted | AutoscalerChanged)][-1]
    assert explained.manifest == in_force.manifest
    assert explained.title.startswith(
        "scaledobject/" if isinstance(in_force.autoscaler, ScaledObject) else "hpa/"
    )


def test_a_new_file_begins_with_the_manifest_in_force(tmp_path: Path) -> None:
    lower = replace(SCALED, max_replicas=4)
    entries = session([30, lower, *[90, 300] * 50])
    size = sum(one.stat().st_size for one in [record(tmp_path / "", entries)])
    (tmp_path / "autoscaling.jsonl").unlink()
    path = record(tmp_path, entries, max_size=size // 4)
    started, change, *_ = read_recording(path)
    assert isinstance(started, SessionStarted)
    assert isinstance(change, AutoscalerChanged)
    assert change.autoscaler.max_replicas == 4
    assert explain_recorded(path)[0].manifest == "edit 1"


def test_a_decision_is_explained_by_what_was_in_force_then(tmp_path: Path) -> None:
    path = record(tmp_path, session([90, replace(SCALED, pause=Pause()), 300, SCALED, 300]))
    from cartwheel.explain.times import parse_time, show_time

    manifests = []
    for at in (5.0, 7.0, 10.0, 15.0):
        (found,) = explain_recorded(path, at=parse_time(show_time(at)))
        manifests.append(found.manifest)
    assert manifests == ["first", "first", "edit 1", "edit 3"]


def test_an_autoscaler_of_another_name_takes_the_place_of_the_first(tmp_path: Path) -> None:
    mine = replace(SCALED, name="mine")
    entries = session([90, 90])
    seen = Observation(20.0, Scale(5, 5), [], [Values([90_000])])
    decision = autoscaler_of(mine, OPTIONS).sync(seen)
    more = [SessionStarted(18.0, mine, OPTIONS), Synced(20.0, "mine", seen, decision)]
    path = record(tmp_path, [*entries, *more])
    assert [one.title for one in explain_recorded(path)] == ["scaledobject/mine"]
    assert [one.title for one in explain_recorded(path, name="cart")] == ["scaledobject/cart"]


def test_another_target_keeps_the_load_and_another_metric_begins_it_anew() -> None:
    other = replace(SCALED.triggers[0], threshold=10_000)
    entries = session([30, 90, replace(SCALED, triggers=[other]), 140, 30])
    assert load_of(entries).shape.rates == [30, 90, 140, 30]
    latency = replace(other, metadata={**other.metadata, "query": "max(latency_seconds)"})
    entries = session([30, 90, replace(SCALED, triggers=[latency]), 140, 30, 30])
    assert load_of(entries).shape.rates == [140, 30, 30]


@pytest.mark.parametrize("steps", [[30, HPA, 90], [30, replace(SCALED, pause=Pause()), 90]])
def test_a_change_of_an_earlier_run_is_no_change_of_this_one(steps: Sequence[Step]) -> None:
    again = [replace(one, at=one.at + 1000) for one in session([300, 300, 30])]
    assert replay([*session(steps), *again]).differences == []
