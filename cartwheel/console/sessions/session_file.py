"""A part of a session as one file: the autoscaler's entries, the frames and the marks of a time.

It is a recording: `explain --recording`, `backtest --recording` and the console read it.
"""

import heapq
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

from cartwheel.console.history.archive import Archive
from cartwheel.console.history.store import StoredFrame
from cartwheel.console.sessions.beginnings import Beginnings
from cartwheel.errors import CommandError
from cartwheel.recording import Marked, RecordingError, RecordingLine, read_lines
from cartwheel.recording.entries import ENTRIES

MEDIA_TYPE = "application/jsonl"
CHUNK = 300.0
"""Seconds of frames in memory at a time."""


def file_name(start: float) -> str:
    """A name that says when the session was; it has no character that a file system refuses."""
    return f"cartwheel-{datetime.fromtimestamp(start).astimezone():%Y-%m-%d-%H%M%S}.jsonl"


def session_lines(
    archive: Archive, recording: Path, *, start: float, end: float
) -> Iterator[bytes]:
    """The lines of the file, each with its end. Raises `CommandError` if nothing was recorded."""
    lines = heapq.merge(
        _autoscaler_lines(recording, start, end),
        _frame_lines(archive, start, end),
        _mark_lines(archive, start, end),
        key=lambda timed: timed[0],
    )
    is_empty = True
    for _, line in lines:
        is_empty = False
        yield line
    if is_empty:
        raise CommandError("Nothing was recorded in that time.")


def _autoscaler_lines(recording: Path, start: float, end: float) -> Iterator[tuple[float, bytes]]:
    """Those between the two times, after how the autoscalers were at the start."""
    beginnings = Beginnings()
    lines = _lines_of(recording)
    first = None
    for line in lines:
        if line.at >= start:
            first = line
            break
        beginnings.add(line)
    for text in beginnings.lines(start):
        yield start, text
    for line in chain([first], lines) if first else ():
        # A start that was repeated would be one without memory.
        if start <= line.at <= end and not beginnings.repeats(line):
            yield line.at, line.text


def _lines_of(recording: Path) -> Iterator[RecordingLine]:
    if not recording.exists():
        return
    try:
        yield from read_lines(recording)
    except RecordingError as error:
        raise CommandError(f"{error}.") from None


def _frame_lines(archive: Archive, start: float, end: float) -> Iterator[tuple[float, bytes]]:
    at = start
    while at <= end:
        upto = min(at + CHUNK, end)
        for frame in archive.frames(at, upto):
            # The last one of a chunk is the first of the next.
            if frame.at < upto or upto == end:
                yield frame.at, _framed(frame)
        if upto == end:
            return
        at = upto


def _framed(frame: StoredFrame) -> bytes:
    """The line of a frame, which is JSON already."""
    return b'{"at":%s,"frame":%s,"type":"Framed"}\n' % (repr(frame.at).encode(), frame.json)


def _mark_lines(archive: Archive, start: float, end: float) -> Iterator[tuple[float, bytes]]:
    for mark in archive.marks(start, end):
        yield mark.at, ENTRIES.dump_json(Marked(mark.at, mark)) + b"\n"
