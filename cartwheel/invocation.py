"""How this program was called, and paths, as a person types them."""

import shlex
import shutil
import sys
from pathlib import Path


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
