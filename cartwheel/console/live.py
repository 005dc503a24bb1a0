"""The newest frame, and who follows it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from cartwheel.mesh import Frame, Mark

logger = logging.getLogger(__name__)

T = TypeVar("T")
FrameListener = Callable[[Frame], None]
MarkListener = Callable[[Mark], None]


class Live:
    """What the mesh is like now. For one event loop.

    A listener is called with each frame or mark and must return at once; `frames` is for those
    who may be slower than the frames.
    """

    def __init__(self) -> None:
        self.latest: Frame | None = None
        self.on_frame: list[FrameListener] = []
        self.on_mark: list[MarkListener] = []
        self._reported = Frame(at=0)  # without the problems of parts
        self._problems: dict[str, str] = {}
        self._published = asyncio.Event()

    def publish(self, frame: Frame) -> None:
        """Hand a frame to all who follow; a problem of a part is added if it has none itself."""
        self._reported = frame
        problem = frame.problem or next(iter(self._problems.values()), "")
        self.latest = frame = replace(frame, problem=problem)
        self._published.set()
        self._published = asyncio.Event()
        _call_all(self.on_frame, frame)

    def mark(self, mark: Mark) -> None:
        """Hand a mark to all who follow."""
        _call_all(self.on_mark, mark)

    def set_problem(self, part: str, sentence: str) -> None:
        """Show the problem of a part with each frame, at once too, until it is cleared."""
        if self._problems.get(part) == sentence:
            return
        self._problems[part] = sentence
        self.publish(replace(self._reported, at=time.time()))

    def clear_problem(self, part: str) -> None:
        """Show the problem of a part no longer."""
        self._problems.pop(part, None)

    async def frames(self) -> AsyncIterator[Frame]:
        """The newest frame at once, then newer ones. A slow reader misses some."""
        seen: Frame | None = None
        while True:
            published = self._published
            if self.latest is not None and self.latest is not seen:
                seen = self.latest
                yield seen
            else:
                await published.wait()


def _call_all(listeners: Iterable[Callable[[T], None]], value: T) -> None:
    """One listener that fails keeps nothing from the others."""
    for listener in listeners:
        try:
            listener(value)
        except Exception:
            logger.exception("%r failed", listener)
