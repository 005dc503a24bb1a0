"""A session of autoscalers as JSON lines: what was seen, decided and done."""

from cartwheel.recording.entries import (
    Entry,
    ReplicasChanged,
    SessionStarted,
    Synced,
)
from cartwheel.recording.reader import RecordingError, read_recording
from cartwheel.recording.recorder import Recorder

__all__ = [
    "Entry",
    "Recorder",
    "RecordingError",
    "ReplicasChanged",
    "SessionStarted",
    "Synced",
    "read_recording",
]
