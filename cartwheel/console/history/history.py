"""Keeps what the console publishes, in memory until it is in the file."""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

from starlette.routing import Route

from cartwheel.console.history.left_open import LeftOpen, left_open
from cartwheel.console.history.points import Point
from cartwheel.console.history.routes import history_routes
from cartwheel.console.history.store import HistoryStore, StoredFrame
from cartwheel.console.live import Live
from cartwheel.mesh import Frame, Mark

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 2.0
MAX_WAITING = 600
"""Frames kept in memory while the file cannot be written."""
NAME = "history"


class _Timed(Protocol):
    @property
    def at(self) -> float: ...


T = TypeVar("T", bound=_Timed)
R = TypeVar("R")


class History:
    """A part of the console, and an archive of what was published."""

    def __init__(self, live: Live, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._live = live
        self._store = HistoryStore(path, now=now)
        self._frames: deque[StoredFrame] = deque(maxlen=MAX_WAITING)
        self._marks: deque[Mark] = deque(maxlen=MAX_WAITING)
        self._waiting = Lock()
        self._writing = Lock()
        self._problem = ""
        self._left_open: LeftOpen | None = None
        live.on_frame.append(self._add_frame)
        live.on_mark.append(self._add_mark)

    @property
    def routes(self) -> Sequence[Route]:
        return history_routes(self)

    async def run(self) -> None:
        """Write what waits every few seconds, and once more at the end."""
        # Before there is a frame of this console.
        self._left_open = self._stored(self._read_left_open)
        try:
            while True:
                await asyncio.sleep(WRITE_INTERVAL)
                await asyncio.to_thread(self._write)
                self._show_problem()
        finally:
            self._write()
            self._store.close()

    def span(self) -> tuple[float, float] | None:
        times = [one.at for one in self._copies()[0]]
        stored = self._stored(self._store.span)
        times.extend(stored or ())
        return (min(times), max(times)) if times else None

    def frame_at(self, at: float) -> StoredFrame | None:
        found = [one for one in self._copies()[0] if one.at <= at]
        stored = self._stored(lambda: self._store.frame_at(at))
        return max([*found, *([stored] if stored else [])], key=lambda one: one.at, default=None)

    def points(self, start: float, end: float) -> Sequence[Point]:
        waiting = [one.point for one in self._copies()[0]]
        stored = self._stored(lambda: self._store.points(start, end)) or []
        return _merged(stored, waiting, start, end)

    def arrivals(self, start: float, end: float) -> Sequence[tuple[float, float]]:
        """Requests a second, where they are known."""
        points = self.points(start, end)
        return [(one.at, one.arrivals) for one in points if one.arrivals is not None]

    def frames(self, start: float, end: float) -> Sequence[StoredFrame]:
        waiting, _ = self._copies()
        stored = self._stored(lambda: self._store.frames(start, end)) or []
        return _merged(stored, waiting, start, end)

    def marks(self, start: float, end: float) -> Sequence[Mark]:
        _, waiting = self._copies()
        stored = self._stored(lambda: self._store.marks(start, end)) or []
        found = {*stored, *(one for one in waiting if start <= one.at <= end)}
        return sorted(found, key=lambda one: (one.at, one.kind, one.title))

    def keep(self, marks: Iterable[Mark]) -> None:
        """Marks of an earlier time; pages that are open do not get them. Known ones are no more."""
        with self._waiting:
            self._marks.extend(marks)

    def _add_frame(self, frame: Frame) -> None:
        if frame.is_old or not frame.services:
            # Nothing runs, or nothing of it was seen: a gap.
            return
        if self._left_open is not None:
            found, self._left_open = self._left_open, None
            for mark in found.ends(frame):
                self._live.mark(mark)
        with self._waiting:
            self._frames.append(StoredFrame.of(frame))

    def _add_mark(self, mark: Mark) -> None:
        self.keep([mark])

    def _read_left_open(self) -> LeftOpen | None:
        span = self._store.span()
        last = self._store.frame_at(span[1]) if span else None
        return left_open(last, self._store.marks(last.at, inf)) if last else None

    def _copies(self) -> tuple[list[StoredFrame], list[Mark]]:
        """What waits: taken before the file is read, so that what is written then is not missed."""
        with self._waiting:
            return list(self._frames), list(self._marks)

    def _write(self) -> None:
        """What cannot be written waits, the newest of it."""
        with self._writing:
            frames, marks = self._copies()
            try:
                self._store.write(frames, marks)
            except sqlite3.Error as error:
                self._problem = str(error)
                return
            self._problem = ""
            with self._waiting:
                _remove(self._frames, frames)
                _remove(self._marks, marks)

    def _show_problem(self) -> None:
        if not self._problem:
            self._live.clear_problem(NAME)
            return
        self._live.set_problem(
            NAME,
            f"The history cannot be written ({self._problem}): the last minutes are kept in "
            "memory, everything else goes on.",
        )

    def _stored(self, read: Callable[[], R]) -> R | None:
        """What is in the file; without a file that can be read, what is in memory has to do."""
        try:
            return read()
        except sqlite3.Error as error:
            logger.warning("the history cannot be read: %s", error)
            return None


def _merged(stored: Iterable[T], waiting: Iterable[T], start: float, end: float) -> list[T]:
    """By time; a frame may be in both."""
    found = {one.at: one for one in [*stored, *waiting] if start <= one.at <= end}
    return [found[at] for at in sorted(found)]


def _remove(waiting: deque[T], written: Sequence[T]) -> None:
    """The first ones, unless they have been dropped since."""
    known = set(map(id, written))
    while waiting and id(waiting[0]) in known:
        waiting.popleft()
