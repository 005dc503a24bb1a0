"""How this program was called, and paths, as a person types them."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cartwheel.errors import UsageError


def display_path(path: Path) -> str:
    """The path relative to the working directory if it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def program_name() -> str:
    """How `cartwheel` is called here."""
    if shutil.which("cartwheel"):
        return "cartwheel"
    program = Path(sys.executable).with_name("cartwheel")
    if program.exists():
        return shlex.quote(display_path(program))
    return f"{shlex.quote(display_path(Path(sys.executable)))} -m cartwheel"


def check_writable(path: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Before the work that reads ``inputs`` and writes there. Raises `UsageError`."""
    try:
        exists = path.exists()
        if exists and any(one.exists() and path.samefile(one) for one in inputs):
            raise UsageError(f"{path} is read: name another file to write.")
        if exists:
            path.open("a").close()
        if not _is_special(path):
            draft = _draft_of(path)
            draft.touch()
            draft.unlink()
    except OSError as error:
        raise _not_writable(path, error) from None


def write_file(path: Path, text: str) -> None:
    """All of it or nothing. Raises `UsageError`."""
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of the other one at the end of the block.

    If the block fails nothing has changed. Raises `UsageError` if it cannot be written.
    """
    try:
        if _is_special(path):
            with path.open("wb") as file:
                yield file
            return
        draft = _draft_of(path)
        try:
            with draft.open("wb") as file:
                yield file
            if path.exists():
                shutil.copymode(path, draft)
            draft.replace(os.path.realpath(path))
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(path, error) from None


def _is_special(path: Path) -> bool:
    """Whether it cannot be replaced: a folder, a pipe, a terminal as ``/dev/stdout``."""
    return path.exists() and not path.is_file()


def _draft_of(path: Path) -> Path:
    """In the folder of the file itself, if ``path`` is a link."""
    return Path(os.path.realpath(path)).with_name(f".cartwheel-{os.getpid()}.new")


def _not_writable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written ({error.strerror}).")
