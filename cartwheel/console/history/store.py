"""Frames and marks in a file: all of the last half hour, fewer of the day before it."""

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import RLock

from pydantic import TypeAdapter

from cartwheel.console.history.database import (
    connect,
    connect_to_read,
    damage,
    is_damage,
    is_full,
    set_aside,
)
from cartwheel.console.history.points import OLD_SPACING, Point, point_of
from cartwheel.mesh import Frame, Mark

MAX_AGE = 24 * 3600.0
FULL_DETAIL_AGE = 30 * 60.0
"""Seconds for which each frame is kept; of older ones one is kept in `OLD_SPACING` seconds."""
MAX_MARKS = 20_000
PRUNING_INTERVAL = 60.0
MAX_AHEAD = 10.0
"""Seconds that a frame may be later than now; with more, the clock has been set back since."""
COMPRESSION_LEVEL = 1

FRAMES: TypeAdapter[Frame] = TypeAdapter(Frame)
_POINT = ", ".join(Point._fields)
_INSERT_FRAME = (
    f"INSERT OR REPLACE INTO frames (second, {_POINT}, frame)"
    f" VALUES (?, {', '.join('?' * len(Point._fields))}, ?)"
)
_INSERT_MARK = "INSERT OR IGNORE INTO marks (at, kind, title, detail) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True)
class StoredFrame:
    """A frame as JSON, and what charts draw of it."""

    at: float
    point: Point
    json: bytes

    @classmethod
    def of(cls, frame: Frame) -> "StoredFrame":
        return cls(frame.at, point_of(frame), FRAMES.dump_json(frame))


class HistoryStore:
    """A history in a file. Any thread may use it; one at a time does.

    There is one frame a second, so that two processes that follow the same shop write the same
    history and not two. Methods raise `sqlite3.Error`; the next call tries again. One that is
    read-only leaves the file as it is, whatever is wrong with it.
    """

    def __init__(
        self, path: Path, *, is_read_only: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._is_read_only = is_read_only
        self._now = now
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._pruned_at = float("-inf")

    def write(self, frames: Sequence[StoredFrame], marks: Sequence[Mark]) -> None:
        """Write all of them or nothing; now and then, delete what is too old."""
        rows = [
            (int(one.at), *one.point, zlib.compress(one.json, COMPRESSION_LEVEL)) for one in frames
        ]
        with self._lock:
            try:
                self._write(rows, marks)
            except sqlite3.Error as error:
                if not is_full(error):
                    raise
                self._delete_oldest()
                self._write(rows, marks)
            if abs(self._now() - self._pruned_at) >= PRUNING_INTERVAL:
                self._prune()

    def span(self) -> tuple[float, float] | None:
        """The times of the first and the last frame."""
        with self._reading() as connection:
            start, end = connection.execute("SELECT min(at), max(at) FROM frames").fetchone()
        return None if start is None else (start, end)

    def frame_at(self, at: float) -> StoredFrame | None:
        """The newest frame that is not later."""
        query = f"SELECT {_POINT}, frame FROM frames WHERE second <= ? AND at <= ?"
        with self._reading() as connection:
            row = connection.execute(
                f"{query} ORDER BY second DESC LIMIT 1", (int(at), at)
            ).fetchone()
            return None if row is None else _frame(row)

    def points(self, start: float, end: float) -> list[Point]:
        """Those of all frames between two times."""
        query = f"SELECT {_POINT} FROM frames WHERE second BETWEEN ? AND ? AND at BETWEEN ? AND ?"
        with self._reading() as connection:
            rows = connection.execute(query, (int(start), int(end), start, end)).fetchall()
        return [Point(*row) for row in rows]

    def frames(self, start: float, end: float) -> list[StoredFrame]:
        """All frames between two times."""
        query = f"SELECT {_POINT}, frame FROM frames WHERE second BETWEEN ? AND ?"
        with self._reading() as connection:
            rows = connection.execute(query, (int(start), int(end))).fetchall()
            return [_frame(row) for row in rows if start <= row[0] <= end]

    def marks(self, start: float, end: float) -> list[Mark]:
        """All marks between two times."""
        query = "SELECT at, kind, title, detail FROM marks WHERE at BETWEEN ? AND ?"
        with self._reading() as connection:
            rows = connection.execute(query, (start, end)).fetchall()
        return [Mark(*row) for row in rows]

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _write(self, rows: Sequence[tuple[object, ...]], marks: Sequence[Mark]) -> None:
        with self._writing() as connection:
            connection.executemany(_INSERT_FRAME, rows)
            connection.executemany(_INSERT_MARK, map(astuple, marks))

    def _prune(self) -> None:
        now = self._now()
        with self._writing() as connection:
            self._delete_where(connection, "at < ?", now - MAX_AGE)
            self._delete_where(connection, "at > ?", now + MAX_AHEAD)
            self._thin(connection, now)
            connection.execute(
                "DELETE FROM marks WHERE (at, kind, title) NOT IN"
                " (SELECT at, kind, title FROM marks ORDER BY at DESC LIMIT ?)",
                (MAX_MARKS,),
            )
        self._pruned_at = now

    def _thin(self, connection: sqlite3.Connection, now: float) -> None:
        spacing = int(OLD_SPACING)
        end = int(now - FULL_DETAIL_AGE) // spacing * spacing
        connection.execute(
            "DELETE FROM frames WHERE second < ? AND second NOT IN"
            " (SELECT min(second) FROM frames WHERE second < ? GROUP BY second / ?)",
            (end, end, spacing),
        )

    def _delete_oldest(self) -> None:
        """A tenth of the frames, when the file has its largest size."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM frames WHERE second < (SELECT second FROM frames ORDER BY second"
                " LIMIT 1 OFFSET (SELECT count(*) / 10 + 1 FROM frames))"
            )

    def _delete_where(self, connection: sqlite3.Connection, condition: str, at: float) -> None:
        for table in ("frames", "marks"):
            connection.execute(f"DELETE FROM {table} WHERE {condition}", (at,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: the lock of the file is taken at once, so two writers never deadlock."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled it back itself after some errors.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A damaged file is set aside; who calls again then gets a new one."""
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
                with suppress(OSError):
                    self._inode = self._path.stat().st_ino
            try:
                yield self._connection
            except sqlite3.Error as error:
                if is_damage(error) and not self._is_read_only:
                    self.close()
                    self._set_aside(str(error))
                raise

    def _connect(self) -> sqlite3.Connection:
        return connect_to_read(self._path) if self._is_read_only else connect(self._path)

    def _set_aside(self, reason: str) -> None:
        """Unless another process has done so, and this is a new file."""
        with suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                set_aside(self._path, reason)


def _frame(row: tuple[object, ...]) -> StoredFrame:
    *values, compressed = row
    point = Point(*values)  # type: ignore[arg-type]
    assert isinstance(compressed, bytes)
    try:
        return StoredFrame(point.at, point, zlib.decompress(compressed))
    except zlib.error as error:
        raise damage(str(error)) from None
