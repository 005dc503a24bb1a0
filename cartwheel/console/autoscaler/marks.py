"""A mark for each change of the autoscaler, from the recording: whoever has made it."""

from collections.abc import Iterator, Sequence

from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.local.autoscaling.announcements import describe_edit
from cartwheel.mesh import Mark
from cartwheel.recording import AutoscalerChanged, Entry, RecordingTail, SessionStarted


def marks_of_changes(tail: RecordingTail) -> Iterator[Sequence[Mark]]:
    """The first time, the marks of what was before; then, of what has been written since."""
    in_force: Autoscaler | None = None
    entries = tail.earlier_entries()
    while True:
        marks = []
        for entry in entries:
            after = _autoscaler_of(entry)
            if after is None:
                continue
            # The same again is a new file of the recording.
            is_change = isinstance(entry, AutoscalerChanged) and after != in_force
            if is_change and in_force is not None:
                marks.append(_mark(entry.at, in_force, after))
            in_force = after
        yield marks
        entries = tail.new_entries()


def _autoscaler_of(entry: Entry) -> Autoscaler | None:
    return entry.autoscaler if isinstance(entry, SessionStarted | AutoscalerChanged) else None


def _mark(at: float, before: Autoscaler, after: Autoscaler) -> Mark:
    if is_paused(after) and not is_paused(before):
        detail = "The autoscaler is paused: its metrics change nothing until it is resumed."
    else:
        detail = "In force from the next decision on."
    return Mark(at, "autoscaler", describe_edit(before, after), detail)
