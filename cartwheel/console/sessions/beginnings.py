"""Where a saved session begins: with the autoscaler in force and what it remembers by then."""

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence

from cartwheel.autoscaling.changes import changed
from cartwheel.autoscaling.keda import autoscaler_of
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import (
    DEFAULT_SCALE_DOWN,
    DEFAULT_SCALE_UP,
    ControllerOptions,
    HorizontalPodAutoscalerSpec,
)
from cartwheel.recording import AutoscalerChanged, RecordingLine, SessionStarted, Synced
from cartwheel.recording.entries import ENTRIES

MIN_LOOK_BACK = 120.0
"""Seconds. Failed reads are counted too, and these have no window."""
MAX_LINES = 20_000
"""In memory, whatever the clock did meanwhile."""
MAX_MISSED_SYNCS = 20
"""After so many an autoscaler is no longer at work."""

_NAME = re.compile(rb'"autoscaler":"((?:[^"\\]|\\.)*)"')


def look_back(
    autoscaler: HorizontalPodAutoscalerSpec | ScaledObject, options: ControllerOptions
) -> float:
    """Seconds after which nothing that was decided matters any more.

    Twice the longest window and period: the decisions of the first half, which lack what was
    before them, are then forgotten themselves.
    """
    behavior = autoscaler.behavior
    rules = (
        (DEFAULT_SCALE_UP, DEFAULT_SCALE_DOWN)
        if behavior is None
        else (behavior.scale_up, behavior.scale_down)
    )
    windows = [one.stabilization_window_seconds for one in rules]
    longest = max(options.downscale_stabilization if one is None else one for one in windows)
    periods = [policy.period_seconds for one in rules for policy in one.policies]
    return max(MIN_LOOK_BACK, 2 * (longest + max(periods, default=0)))


class Beginnings:
    """All autoscalers of a recording as far as they have come."""

    def __init__(self) -> None:
        self._by_name: dict[str, Beginning] = {}

    def add(self, line: RecordingLine) -> None:
        """One more line of the recording."""
        if line.type not in ("SessionStarted", "AutoscalerChanged", "Synced"):
            return
        name = _autoscaler_of(line)
        known = self._by_name.get(name)
        if line.type == "SessionStarted":
            if known is None or not known.repeats(line):
                self._by_name[name] = Beginning(line)
        elif known is not None:
            known.add(line)

    def repeats(self, line: RecordingLine) -> bool:
        """Whether a line is a start that is known: a recording that goes on in a new file has it
        again."""
        return any(one.repeats(line) for one in self._by_name.values())

    def lines(self, now: float) -> Iterator[bytes]:
        """The starts of those that still work."""
        for one in self._by_name.values():
            if one.is_at_work(now):
                yield from one.lines()


class Beginning:
    """An autoscaler as far as it has come, read line by line."""

    def __init__(self, line: RecordingLine) -> None:
        self._start = line
        started = line.entry()
        assert isinstance(started, SessionStarted)
        self._started = started
        self._look_back = look_back(started.autoscaler, started.options)
        # What was in force when the first of the lines below was written.
        self._base: SessionStarted | AutoscalerChanged = started
        self._lines: deque[RecordingLine] = deque()

    def repeats(self, line: RecordingLine) -> bool:
        """Whether a line is the same start again, as in the file in which a recording goes on."""
        return line.text == self._start.text

    def is_at_work(self, now: float) -> bool:
        """Whether it has begun or decided lately; a run that was stopped leaves no trace."""
        newest = self._lines[-1].at if self._lines else self._start.at
        return now - newest < MAX_MISSED_SYNCS * max(1.0, self._started.options.sync_period)

    def add(self, line: RecordingLine) -> None:
        """One more line of this autoscaler: a sync or a change."""
        self._lines.append(line)
        if line.type == "AutoscalerChanged":
            change = _change(line)
            needed = look_back(change.autoscaler, self._started.options)
            self._look_back = max(self._look_back, needed)
        while len(self._lines) > MAX_LINES or self._lines[0].at < line.at - self._look_back:
            oldest = self._lines.popleft()
            if oldest.type == "AutoscalerChanged":
                self._base = _change(oldest)

    def lines(self) -> Iterator[bytes]:
        """The start as of now, and the last sync, whose decision is still in force."""
        lines = [*self._lines]
        last = max((n for n, one in enumerate(lines) if one.type == "Synced"), default=None)
        if last is None:
            yield self._start.text
        else:
            yield _dump(self._started_at(lines[last].at, lines[:last]))
        for line in lines[last or 0 :]:
            yield line.text

    def _started_at(self, at: float, before: Sequence[RecordingLine]) -> SessionStarted:
        """With the state that a replay of the lines before gives."""
        in_force = self._base
        options = self._started.options
        state = in_force.state if isinstance(in_force, SessionStarted) else None
        engine = autoscaler_of(in_force.autoscaler, options, state)
        for entry in (line.entry() for line in before):
            if isinstance(entry, AutoscalerChanged):
                in_force, engine = entry, changed(engine, entry.autoscaler)
            elif isinstance(entry, Synced):
                engine.sync(entry.observation)
        units, manifest = in_force.units, in_force.manifest
        return SessionStarted(at, in_force.autoscaler, options, units, manifest, engine.state)


def _autoscaler_of(line: RecordingLine) -> str:
    """The name, without reading what was observed."""
    if line.type == "Synced" and (found := _NAME.search(line.text)):
        return str(json.loads(b'"%s"' % found[1]))
    autoscaler = getattr(line.entry(), "autoscaler", "")
    return autoscaler if isinstance(autoscaler, str) else str(autoscaler.name)


def _change(line: RecordingLine) -> AutoscalerChanged:
    entry = line.entry()
    assert isinstance(entry, AutoscalerChanged)
    return entry


def _dump(entry: SessionStarted) -> bytes:
    return ENTRIES.dump_json(entry) + b"\n"
