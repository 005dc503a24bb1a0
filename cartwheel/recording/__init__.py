"""A session of autoscalers as JSON lines: what was seen, decided and done."""

from cartwheel.recording.entries import (
    AutoscalerChanged,
    Entry,
    Framed,
    Marked,
    ReplicasChanged,
    SessionStarted,
    Synced,
)
from cartwheel.recording.reader import (
    RecordingError,
    RecordingLine,
    lines_of,
    open_recording,
    read_lines,
    read_recording,
)
from cartwheel.recording.recorder import Recorder
from cartwheel.recording.tail import RecordingTail

__all__ = [
    "AutoscalerChanged",
    "Entry",
    "Framed",
    "Marked",
    "Recorder",
    "RecordingError",
    "RecordingLine",
    "RecordingTail",
    "ReplicasChanged",
    "SessionStarted",
    "Synced",
    "lines_of",
    "open_recording",
    "read_lines",
    "read_recording",
]
