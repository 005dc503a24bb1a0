"""Reads a recording, also one that is being written."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from cartwheel.recording.entries import ENTRIES, Entry
from cartwheel.recording.recorder import earlier_file


class RecordingError(Exception):
    """A file that is no recording; the message is one line with its name."""


def read_recording(path: Path) -> Iterator[Entry]:
    """The entries in their order, those of the earlier file first.

    A last line that is not finished is skipped. Raises `RecordingError`.
    """
    with ExitStack() as files:
        for file in _open(path, files):
            yield from _read(file)


def _open(path: Path, files: ExitStack) -> Sequence[BinaryIO]:
    """Both at once: later, a full file may have taken the place of the earlier one."""
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
    return _open(path, files) if is_same else [earlier, current]


def _read(file: BinaryIO) -> Iterator[Entry]:
    try:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") or not _may_be_unfinished(line):
                yield _entry(line, f"{file.name}:{number}")
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
