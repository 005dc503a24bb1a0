"""Reads a recording, also one that is being written."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from cartwheel.recording.entries import ENTRIES, Entry
from cartwheel.recording.recorder import earlier_file

# As entries are written: the time first, the type last.
_FORM = re.compile(rb'\{"at":(-?[\d.]+(?:e[+-]?\d+)?),.*"type":"(\w+)"\}\s*', re.DOTALL)


class RecordingError(Exception):
    """A file that is no recording; the message is one line with its name."""


@dataclass(frozen=True)
class RecordingLine:
    """An entry that has not been read: its time, its type, and the rest as it is in the file.

    ``place`` names file and line.
    """

    at: float
    type: str
    text: bytes
    place: str

    def entry(self) -> Entry:
        """Raises `RecordingError`."""
        return _entry(self.text, self.place)


def read_recording(path: Path) -> Iterator[Entry]:
    """The entries in their order, those of the earlier file first.

    A last line that is not finished is skipped. Raises `RecordingError`.
    """
    with ExitStack() as files:
        for file in open_recording(path, files):
            for line, place in _lines(file):
                yield _entry(line, place)


def read_lines(path: Path) -> Iterator[RecordingLine]:
    """The same without reading what is in the entries: many times as fast."""
    with ExitStack() as files:
        for file in open_recording(path, files):
            yield from lines_of(file)


def lines_of(file: BinaryIO) -> Iterator[RecordingLine]:
    """The lines from where the file is read next. Raises `RecordingError`."""
    for line, place in _lines(file):
        found = _FORM.fullmatch(line)
        if found is None:
            entry = _entry(line, place)
            yield RecordingLine(entry.at, entry.type, line, place)
        else:
            yield RecordingLine(float(found[1]), found[2].decode(), line, place)


def open_recording(path: Path, files: ExitStack) -> Sequence[BinaryIO]:
    """The earlier file, if there is one, and the recording. Raises `RecordingError`.

    Both at once: later, a full file may have taken the place of the earlier one.
    """
    found = []
    for one in (path, earlier_file(path)):
        try:
            found.append(files.enter_context(one.open("rb")))
        except FileNotFoundError:
            if not found:
                raise RecordingError(f"{path}: there is no such recording") from None
            return found
        except OSError as error:
            raise RecordingError(f"{one}: {error.strerror or error}") from None
    current, earlier = found
    # The current file became full between the two.
    is_same = os.path.sameopenfile(current.fileno(), earlier.fileno())
    return open_recording(path, files) if is_same else [earlier, current]


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, str]]:
    try:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") or not _may_be_unfinished(line):
                yield line, f"{file.name}:{number}"
    except OSError as error:
        raise RecordingError(f"{file.name}: {error.strerror or error}") from None


def _may_be_unfinished(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return line.startswith(b"{")
    return False


def _entry(line: bytes, place: str) -> Entry:
    try:
        return ENTRIES.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordingError(
            f"{place}: is no entry of a recording: {f'{field}: ' if field else ''}{first['msg']}"
        ) from None
