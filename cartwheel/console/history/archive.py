"""What can be read of the past, whether of a live console or of a file."""

from collections.abc import Sequence
from typing import Protocol

from cartwheel.console.history.points import Point
from cartwheel.console.history.store import StoredFrame
from cartwheel.mesh import Mark


class Archive(Protocol):
    """Frames and marks by time. Its methods may read a file: call them in a thread."""

    def span(self) -> tuple[float, float] | None:
        """The times of the first and the last frame."""
        ...

    def frame_at(self, at: float) -> StoredFrame | None:
        """The newest frame that is not later."""
        ...

    def points(self, start: float, end: float) -> Sequence[Point]:
        """What charts draw of the frames between two times."""
        ...

    def frames(self, start: float, end: float) -> Sequence[StoredFrame]:
        """The frames between two times."""
        ...

    def marks(self, start: float, end: float) -> Sequence[Mark]:
        """The marks between two times."""
        ...
