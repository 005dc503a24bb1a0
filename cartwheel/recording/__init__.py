"""A session of autoscalers as JSON lines: what was seen, decided and done, and the load."""

from cartwheel.recording.entries import (
    Entry,
    LoadMeasured,
    ReplicasChanged,
    SessionStarted,
    Synced,
)
from cartwheel.recording.reader import RecordingError, read_recording
from cartwheel.recording.recorder import Recorder

__all__ = [
    "Entry",
    "LoadMeasured",
    "Recorder",
    "RecordingError",
    "ReplicasChanged",
    "SessionStarted",
    "Synced",
    "read_recording",
]
