"""Reads a recording, also one that is being written."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from cartwheel.recording.entries import ENTRIES, Entry
from cartwheel.recording.recorder import earlier_file


class RecordingError(Exception):
    """A file that is no recording; the message is one line with its name."""


def read_recording(path: Path) -> Iterator[Entry]:
    """The entries in their order, those of the earlier file first.

    A last line that is not finished is skipped. Raises `RecordingError`.
    """
    if not path.exists():
        raise RecordingError(f"{path}: there is no such recording")
    earlier = earlier_file(path)
    if earlier.exists():
        yield from _read(earlier)
    yield from _read(path)


def _read(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield _entry(line, f"{path}:{number}")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None


def _entry(line: bytes, place: str) -> Entry:
    try:
        return ENTRIES.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordingError(
            f"{place}: is no entry of a recording: {f'{field}: ' if field else ''}{first['msg']}"
        ) from None
