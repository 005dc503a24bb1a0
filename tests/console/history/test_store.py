"""The history in its file: what is kept, for how long, and what happens to the file."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cartwheel.console.history.database import VERSION, set_aside
from cartwheel.console.history.store import HistoryStore, StoredFrame
from cartwheel.mesh import Mark
from tests.console.synthetic import BEGIN, repeated, session
from tests.recording.test_recording import no_larger_files_than

DAY = 24 * 3600
MADE = session(60)


class Clock:
    now = BEGIN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console.sqlite"


def stored(count: int, *, begin: float = BEGIN) -> list[StoredFrame]:
    return [StoredFrame.of(one) for one in repeated(MADE.frames, count, begin=begin)]


def times(store: HistoryStore, start: float = 0, end: float = 1e10) -> list[float]:
    return [one.at - BEGIN for one in store.points(start, end)]


def test_what_was_written_is_read_by_another_process(path: Path, clock: Clock) -> None:
    mark = Mark(BEGIN + 3, "load", "load 40/s", "The load browse begins.")
    written = stored(10)
    HistoryStore(path, now=clock).write(written, [mark])

    store = HistoryStore(path, now=clock)

    assert store.span() == (BEGIN, BEGIN + 9)
    assert store.frame_at(BEGIN + 4.9) == written[4]
    assert store.frame_at(BEGIN - 1) is None
    assert list(store.frames(BEGIN + 2, BEGIN + 3)) == written[2:4]
    assert [one.desired for one in store.points(BEGIN, BEGIN + 1)] == [2, 2]
    assert list(store.marks(BEGIN, BEGIN + 3)) == [mark]
    assert list(store.marks(BEGIN, BEGIN + 2)) == []


def test_two_processes_write_one_history(path: Path, clock: Clock) -> None:
    mark = Mark(BEGIN, "decision", "2 → 7")
    first, second = HistoryStore(path, now=clock), HistoryStore(path, now=clock)

    first.write(stored(5), [mark])
    second.write(stored(5, begin=BEGIN + 0.4), [mark])

    assert len(times(first)) == 5
    assert len(first.marks(0, 1e10)) == 1


def test_of_what_is_older_than_half_an_hour_one_frame_in_ten_seconds_is_kept(
    path: Path, clock: Clock
) -> None:
    store = HistoryStore(path, now=clock)
    clock.now = BEGIN + 3600

    store.write(stored(3600), [])

    found = times(store)
    assert found[:4] == [0, 10, 20, 30]
    assert found[-1800:] == list(range(1800, 3600))
    assert len(found) == 180 + 1800


def test_a_day_is_bounded_in_frames_and_in_bytes(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    hour = stored(3600)

    for begin in range(0, 26 * 3600, 3600):
        clock.now = BEGIN + begin + 3600
        # Fewer than the console writes, for the sake of time; as many are kept.
        kept = hour[::10] if begin < 25 * 3600 else hour
        store.write([_later(frame, begin) for frame in kept], [])

    assert len(times(store)) == 1800 + (DAY - 1800) / 10
    assert path.stat().st_size < 15 * 1024**2


def _later(frame: StoredFrame, seconds: int) -> StoredFrame:
    at = frame.at + seconds
    return StoredFrame(at, frame.point._replace(at=at), frame.json)


def test_what_is_older_than_a_day_is_deleted(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    store.write(stored(10), [Mark(BEGIN, "load", "load 40/s")])
    clock.now = BEGIN + DAY + 5

    store.write(stored(1, begin=clock.now), [])

    assert times(store) == [5, DAY + 5]
    assert list(store.marks(0, 1e10)) == []


def test_after_the_clock_was_set_back_no_frame_is_later_than_now(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    clock.now = BEGIN + 3600
    store.write(stored(10, begin=clock.now), [Mark(clock.now, "load", "load 40/s")])
    clock.now = BEGIN + 100

    store.write(stored(5, begin=BEGIN + 96), [])

    assert times(store) == [96, 97, 98, 99, 100]
    assert list(store.marks(0, 1e10)) == []


def test_a_process_that_is_killed_loses_nothing_that_was_written(path: Path) -> None:
    program = (
        "import os, signal, sys, pathlib\n"
        "from cartwheel.console.history.store import HistoryStore\n"
        "from tests.console.history.test_store import BEGIN, stored\n"
        "store = HistoryStore(pathlib.Path(sys.argv[1]), now=lambda: BEGIN)\n"
        "store.write(stored(7), [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=False)
    assert done.returncode == -signal.SIGKILL

    assert times(HistoryStore(path)) == [0, 1, 2, 3, 4, 5, 6]


def test_a_damaged_file_is_set_aside_and_a_new_one_begins(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("no database at all")
    store = HistoryStore(path, now=clock)

    with caplog.at_level(logging.WARNING):
        store.write(stored(3), [])

    assert times(store) == [0, 1, 2]
    assert path.with_name("console.sqlite.damaged").read_text() == "no database at all"
    assert len(caplog.records) == 1


def test_a_file_with_damaged_pages_is_set_aside(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    store.write(stored(200), [])
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(20 * 4096))

    store.write(stored(3), [])

    assert times(store) == [0, 1, 2]


def test_a_file_that_turns_out_to_be_damaged_is_set_aside(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    store.write(stored(5), [])
    with sqlite3.connect(path) as other:
        other.execute("UPDATE frames SET frame = x'00'")

    with pytest.raises(sqlite3.DatabaseError):
        store.frame_at(BEGIN)
    store.write(stored(3), [])

    assert times(store) == [0, 1, 2]


def test_a_file_is_set_aside_with_its_own_log(path: Path) -> None:
    aside = path.with_name("console.sqlite.damaged")
    aside_log = path.with_name("console.sqlite.damaged-wal")

    path.write_text("a file")
    path.with_name("console.sqlite-wal").write_text("its log")
    set_aside(path, "damaged")
    assert (aside.read_text(), aside_log.read_text()) == ("a file", "its log")

    path.write_text("a later file without a log")
    set_aside(path, "damaged")
    assert list(path.parent.iterdir()) == [aside]


def test_a_file_of_another_version_is_left_to_the_process_that_writes_it(
    path: Path, clock: Clock
) -> None:
    live = HistoryStore(path, now=clock)
    live.write(stored(3), [])
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    older = HistoryStore(path, now=clock)

    with pytest.raises(sqlite3.Error, match="another version of Cartwheel wrote it"):
        older.write(stored(1), [])
    live.write(stored(2, begin=BEGIN + 3), [])
    live.close()

    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {VERSION}")
    assert times(HistoryStore(path, now=clock)) == [0, 1, 2, 3, 4]
    assert not path.with_name("console.sqlite.damaged").exists()


@pytest.mark.parametrize("content", [b"", b"no database at all", b"x" * 10_000])
def test_who_only_reads_leaves_a_file_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(sqlite3.Error):
        HistoryStore(path, is_read_only=True).span()

    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_who_only_reads_sees_what_is_written_meanwhile(path: Path, clock: Clock) -> None:
    live = HistoryStore(path, now=clock)
    live.write(stored(2), [])
    reader = HistoryStore(path, is_read_only=True)

    assert times(reader) == [0, 1]
    live.write(stored(1, begin=BEGIN + 2), [])
    assert times(reader) == [0, 1, 2]
    with pytest.raises(sqlite3.Error, match="readonly"):
        reader.write(stored(1), [])


def test_a_full_disk_is_an_error_and_the_next_write_succeeds(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    store.write(stored(3), [])

    with no_larger_files_than(0), pytest.raises(sqlite3.Error):
        store.write(stored(100, begin=BEGIN + 3), [])
    store.write(stored(1, begin=BEGIN + 3), [])

    assert times(store) == [0, 1, 2, 3]


def test_a_file_of_its_largest_size_loses_its_oldest_frames(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cartwheel.console.history.database.MAX_PAGES", 60)
    store = HistoryStore(path, now=clock)

    for begin in range(0, 500, 10):
        store.write(stored(10, begin=BEGIN + begin), [])

    found = times(store)
    assert found[-1] == 499
    assert found[0] > 0
    assert path.stat().st_size <= 60 * 4096


def test_only_the_owner_may_read_it(path: Path, clock: Clock) -> None:
    store = HistoryStore(path, now=clock)
    store.write(stored(1), [])

    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}
