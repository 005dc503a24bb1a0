"""The load of the last minutes again, under the manifest in force and under an edited one."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import PodSamples
from cartwheel.console.autoscaler.edits import InvalidEdit
from cartwheel.errors import CommandError, UsageError
from cartwheel.local.autoscaling.announcements import describe_edit
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    RecordingError,
    ReplicasChanged,
    SessionStarted,
    Synced,
    read_lines,
)
from cartwheel.simulation.assumptions import Assumptions, describe
from cartwheel.simulation.durations import format_duration
from cartwheel.simulation.load_shape import LoadShape, from_points
from cartwheel.simulation.replay import load_of
from cartwheel.simulation.run import Run
from cartwheel.simulation.start import start

Points = Sequence[tuple[float, float]]
Arrivals = Callable[[float, float], Points]
"""Requests a second between two times."""

DEFAULT_SECONDS, MIN_SECONDS, MAX_SECONDS = 300.0, 10.0, 1800.0
TIME_LIMIT = 5.0
NAMES = ("in force", "edited")
CHANGES = (SessionStarted.type, AutoscalerChanged.type, ReplicasChanged.type)


@dataclass(frozen=True)
class Comparison:
    """Two autoscalers of a service, and how often this run decides and measures."""

    before: Autoscaler
    after: Autoscaler
    service: str
    sync_period: float
    resolution: float

    @property
    def assumptions(self) -> Assumptions:
        return Assumptions(
            sync=self.sync_period, scrape=self.resolution, resolution=self.resolution
        )


def requested_seconds(body: Mapping[str, Any]) -> float:
    """How much of the past a page asks for. Raises `InvalidEdit`."""
    seconds = body.get("seconds", DEFAULT_SECONDS)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        allowed = f"a number from {MIN_SECONDS:g} to {MAX_SECONDS:g}"
        raise InvalidEdit("seconds", f"seconds: must be {allowed}.")
    return float(seconds)


def compare(
    comparison: Comparison, *, recording: Path, arrivals: Arrivals, since: float, until: float
) -> dict[str, Any]:
    """Both runs and what differs. Raises `CommandError` without a load to repeat."""
    entries = _entries(recording, since=since)
    shape, source = _load(entries, arrivals, since, until)
    replicas = _replicas_at(entries, comparison.service, shape.start)
    assumed = _with_measured_cpu(comparison.assumptions, entries, shape)
    before, after = (
        _run(one, name, shape, assumed, replicas)
        for one, name in zip((comparison.before, comparison.after), NAMES, strict=True)
    )
    return {
        "now": before.to_json(),
        "edited": after.to_json(),
        "start": shape.start,
        "end": shape.end,
        "load": source,
        "assumed": describe(assumed),
        "sentences": sentences(describe_edit(comparison.before, comparison.after), before, after),
    }


def sentences(edit: str, before: Run, after: Run) -> list[str]:
    """What the edit would have changed, in one or two sentences."""
    if before.counts == after.counts:
        return [f"With {_settings_after(edit)} it would have had the same number of replicas."]
    old, new = before.figures, after.figures
    longest = _seconds_at(after, new.peak_replicas)
    found = [
        f"With {_settings_after(edit)} it would have had up to {_replicas(new.peak_replicas)} (for "
        f"{format_duration(longest)}) instead of {old.peak_replicas}, on average "
        f"{new.mean_replicas:.1f} instead of {old.mean_replicas:.1f}."
    ]
    lost, lost_before = round(60 * new.lost_minutes), round(60 * old.lost_minutes)
    if lost != lost_before:
        found.append(
            f"In the model its replicas would have been overloaded for {lost} s instead of "
            f"{lost_before} s."
        )
    elif not lost:
        found.append("In the model its replicas would not have been overloaded under either.")
    return found


def _entries(recording: Path, *, since: float) -> Sequence[Entry]:
    """The syncs since then, and all other entries of the autoscaler."""
    try:
        return [
            line.entry()
            for line in read_lines(recording)
            if line.type in CHANGES or (line.type == Synced.type and line.at >= since)
        ]
    except RecordingError:
        return ()


def _load(
    entries: Sequence[Entry], arrivals: Arrivals, since: float, until: float
) -> tuple[LoadShape, str]:
    """What the autoscaler measured; if that tells less, what arrived in the console's sight."""
    known = [
        ("the requests that the autoscaler measured", _measured(entries)),
        ("the requests that the console saw arrive", arrivals(since, until)),
    ]
    found = [
        (source, [one for one in points if since <= one[0] <= until]) for source, points in known
    ]
    source, points = max(found, key=lambda one: _span(one[1]))
    if _span(points) < MIN_SECONDS:
        raise CommandError(
            f"Less than {MIN_SECONDS:g} s of load are known yet, so there is nothing to repeat: "
            "try again in a moment."
        )
    return from_points(points), source


def _measured(entries: Iterable[Entry]) -> Points:
    try:
        shape = load_of(entries).shape
    except CommandError:
        return ()
    return list(zip(shape.times, shape.rates, strict=True))


def _span(points: Points) -> float:
    """In whole seconds, so that two who have seen the same are equal."""
    return round(points[-1][0] - points[0][0]) if points else 0.0


def _with_measured_cpu(
    assumed: Assumptions, entries: Iterable[Entry], shape: LoadShape
) -> Assumptions:
    """With the CPU that a request has cost here, if the autoscaler measured CPU meanwhile."""
    used, arrived = 0.0, 0.0
    for entry in entries:
        if isinstance(entry, Synced) and shape.start <= entry.at <= shape.end:
            samples = [one for one in entry.observation.readings if isinstance(one, PodSamples)]
            if samples and samples[0].samples:
                used += sum(one.value for one in samples[0].samples.values())
                arrived += shape.rate_at(entry.at)[0]
    if not used or not arrived:
        return assumed
    return replace(assumed, cpu_per_request=round(used / arrived, 3))


def _replicas_at(entries: Iterable[Entry], service: str, at: float) -> int | None:
    """The count that was asked for at that time, if the recording tells; the same for both."""
    counts = [
        one.desired
        for one in entries
        if isinstance(one, ReplicasChanged) and one.service == service and one.at <= at
    ]
    return counts[-1] or None if counts else None


def _run(
    spec: Autoscaler, name: str, shape: LoadShape, assumed: Assumptions, replicas: int | None
) -> Run:
    deadline = time.monotonic() + TIME_LIMIT
    try:
        simulation = start(spec, shape, assumed, replicas=replicas)
    except UnsupportedError as error:
        raise UsageError(f"{error}.") from None
    while not simulation.is_over:
        if time.monotonic() > deadline:
            raise CommandError(f"The simulation takes more than {TIME_LIMIT:g} s: take less time.")
        simulation.step()
    return simulation.run(name=name)


def _settings_after(edit: str) -> str:
    """`paused, maximum 7 → 5` as `a pause, maximum 5`, to follow "With"."""
    words = re.sub(r"\S+( %)? → ", "", edit).replace("paused", "a pause")
    return words.replace("resumed", "no pause").replace(" now", "")


def _seconds_at(run: Run, count: int) -> float:
    """How long it had that count, all in all."""
    ends = [*(at for at, _ in run.counts[1:]), run.shape.end]
    steps = zip(run.counts, ends, strict=True)
    return round(sum(end - at for (at, found), end in steps if found == count))


def _replicas(count: int) -> str:
    return f"{count} replica" if count == 1 else f"{count} replicas"
