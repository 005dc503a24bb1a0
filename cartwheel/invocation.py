"""How this program was called, and paths, as a person types them."""

import shlex
import shutil
import sys
from pathlib import Path

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


def check_writable(path: Path) -> None:
    """Before the work whose result goes there. Raises `UsageError`."""
    existed = path.exists()
    try:
        path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from None


def write_file(path: Path, text: str) -> None:
    """Raises `UsageError`."""
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from None
