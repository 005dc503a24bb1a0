"""A recording holds what autoscalers saw, decided and did, as JSON lines in bounded files."""

import math
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.manifests import read_autoscalers
from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Sample,
    Scale,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    ScaleTarget,
    Target,
    TargetType,
)
from cartwheel.recording import (
    Entry,
    Recorder,
    RecordingError,
    ReplicasChanged,
    SessionStarted,
    Synced,
    read_recording,
)

ROOT = Path(__file__).parents[2]
AVERAGE = Target(TargetType.AVERAGE_VALUE, 20_000)
HPA = HorizontalPodAutoscalerSpec(
    "web",
    ScaleTarget("Deployment", "web"),
    max_replicas=10,
    metrics=[
        ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60), "app"),
        PodsMetric("hits", AVERAGE),
        ObjectMetric("hits", AVERAGE, "Ingress/main"),
        ExternalMetric("hits", AVERAGE),
    ],
)
POD = Pod("web-1", ready_since=0.0, started_at=0.0, requests={"app": {"cpu": 100}})
CPU = PodSamples({"web-1": Sample(90, at=990.0, window=15.0)})
HITS = PodSamples({"web-1": Sample(30_000, at=990.0, window=15.0)})
OBSERVATION = Observation(
    1000.0, Scale(1, 0), [POD], [CPU, HITS, Values([40_000]), Unavailable("no such metric")]
)


def synced(spec: HorizontalPodAutoscalerSpec = HPA) -> Synced:
    decision = HorizontalPodAutoscaler(spec).sync(OBSERVATION)
    return Synced(1000.0, spec.name, OBSERVATION, decision)


def change_at(at: float) -> ReplicasChanged:
    return ReplicasChanged(at, "web", desired=3, started=3, ready=2, serving=1)


def recorded(path: Path, *entries: Entry, max_size: int = 10**6) -> list[Entry]:
    recorder = Recorder(path, max_size=max_size)
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return list(read_recording(path))


@contextmanager
def limited(kind: int, value: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def no_larger_files_than(size: int) -> AbstractContextManager[None]:
    """As on a full disk: nothing can be written beyond this size."""
    return limited(resource.RLIMIT_FSIZE, size)


def no_more_open_files() -> AbstractContextManager[None]:
    return limited(resource.RLIMIT_NOFILE, 3)


def test_every_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = [
        SessionStarted(999.0, HPA, ControllerOptions(sync_period=5.0)),
        synced(),
        ReplicasChanged(1001.0, "web", desired=3, started=3, ready=2, serving=1),
    ]

    found = recorded(tmp_path / "recording.jsonl", *entries)

    assert [_as_lists(one) for one in found] == [_as_lists(one) for one in entries]
    started, sync = found[:2]
    assert isinstance(started, SessionStarted)
    assert isinstance(sync, Synced)
    assert [type(one) for one in started.autoscaler.metrics] == [type(one) for one in HPA.metrics]
    assert sync.decision.proposals[2].ratio == math.inf


def _as_lists(entry: Entry) -> str:
    """Sequences are read as lists or tuples; that makes no difference."""
    return repr(entry).replace("(", "[").replace(")", "]").replace(",]", "]")


def test_a_session_replayed_gives_the_same_decisions(tmp_path: Path) -> None:
    (scaled,) = read_autoscalers(
        [ROOT / "manifests/components/autoscaling-requests/scaledobject.yaml"]
    )
    assert isinstance(scaled, ScaledObject)
    engine, count = KedaAutoscaler(scaled), 2
    entries: list[Entry] = [SessionStarted(0.0, scaled, ControllerOptions())]
    for step, total in enumerate([30, 90, 300, 300, 90, 30, 30, 200, 30]):
        seen = Observation(15.0 * step, Scale(count, count), [], [Values([total * 1000])])
        decision = engine.sync(seen)
        entries.append(Synced(seen.at, scaled.name, seen, decision))
        count = decision.desired

    started, *syncs = recorded(tmp_path / "recording.jsonl", *entries)

    assert isinstance(started, SessionStarted)
    assert isinstance(started.autoscaler, ScaledObject)
    replayed = KedaAutoscaler(started.autoscaler, started.options)
    assert len(syncs) == 9
    for sync in syncs:
        assert isinstance(sync, Synced)
        decision = replayed.sync(sync.observation)
        assert decision.desired == sync.decision.desired
        assert decision.conditions == sync.decision.conditions


def test_entries_are_appended_to_an_earlier_session(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorded(path, change_at(1.0))

    assert recorded(path, change_at(2.0)) == [change_at(1.0), change_at(2.0)]


def test_a_full_recording_keeps_the_newest_entries_and_the_autoscalers(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    started = SessionStarted(0.0, HPA, ControllerOptions())

    found = recorded(path, started, *map(change_at, range(1000)), max_size=10_000)

    assert found[-1] == change_at(999)
    assert len(found) < 200
    assert sum(isinstance(one, SessionStarted) for one in found) == 2
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 20_000


def test_an_unfinished_last_line_is_skipped_and_then_replaced(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorded(path, change_at(1.0))
    with path.open("ab") as file:
        file.write(b'{"at":2.0,"servi' + b"x" * 200_000)

    assert list(read_recording(path)) == [change_at(1.0)]
    assert recorded(path, change_at(2.0)) == [change_at(1.0), change_at(2.0)]


def test_an_entry_that_finds_no_space_is_lost_and_the_next_one_is_written(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorder = Recorder(path)
    recorder.record(change_at(1.0))

    with no_larger_files_than(path.stat().st_size + 10):
        recorder.record(change_at(2.0))
    assert recorder.problem is not None
    recorder.record(change_at(3.0))

    assert recorder.problem is None
    assert list(read_recording(path)) == [change_at(1.0), change_at(3.0)]
    recorder.close()


def test_a_new_file_that_cannot_be_opened_is_opened_for_a_later_entry(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorder = Recorder(path, max_size=1)
    recorder.record(change_at(1.0))

    with no_more_open_files():
        recorder.record(change_at(2.0))
    assert recorder.problem == "Too many open files"
    assert list(read_recording(path)) == [change_at(1.0)]
    recorder.record(change_at(3.0))

    assert recorder.problem is None
    assert list(read_recording(path)) == [change_at(1.0), change_at(3.0)]
    recorder.close()


def test_a_recording_that_was_deleted_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorder = Recorder(path, max_size=1)
    recorder.record(change_at(1.0))
    path.unlink()

    recorder.record(change_at(2.0))

    assert recorder.problem is None
    assert list(read_recording(path)) == [change_at(2.0)]
    recorder.close()


def test_a_reader_loses_nothing_when_a_full_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorder = Recorder(path, max_size=400)
    for at in range(5):
        recorder.record(change_at(at))
    reading = read_recording(path)
    found = [next(reading)]
    for at in range(5, 10):
        recorder.record(change_at(at))
    recorder.close()

    times = [one.at for one in [*found, *reading]]

    assert times[:8] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert times == sorted(set(times))


def test_only_the_owner_may_read_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    recorded(path, change_at(1.0))

    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("apiVersion: v1\n", "recording.jsonl:1: is no entry of a recording: Invalid JSON"),
        ("apiVersion: v1", "recording.jsonl:1: is no entry of a recording: Invalid JSON"),
        ('{"a": 1}', "recording.jsonl:1: is no entry of a recording: "),
        ('{"type":"Other"}\n', "recording.jsonl:1: is no entry of a recording: Input tag 'Other'"),
        (
            '{"type":"ReplicasChanged","at":1}\n',
            "recording.jsonl:1: is no entry of a recording: ReplicasChanged.service: Field",
        ),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(text)

    with pytest.raises(RecordingError) as caught:
        list(read_recording(path))

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no such recording"):
        list(read_recording(tmp_path / "recording.jsonl"))
