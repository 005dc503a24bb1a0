"""What happens in the local run, reported by the supervisor and its parts."""

from collections.abc import Callable
from typing import Literal, Protocol

EventKind = Literal["success", "pending", "failure"]
Emit = Callable[[EventKind, str], None]


class EventSink(Protocol):
    """Receives the events of the whole run."""

    def emit(self, kind: EventKind, subject: str, message: str) -> None: ...


class NullEventSink:
    """Drops every event."""

    def emit(self, kind: EventKind, subject: str, message: str) -> None:
        """Do nothing."""


def emitter_for(events: EventSink, subject: str) -> Emit:
    """A function that emits events of one subject."""
    return lambda kind, message: events.emit(kind, subject, message)
