"""Command lines and paths as a person types them, for hints in messages."""

import shlex
import shutil
import sys
from pathlib import Path

from cartwheel.local.settings import LocalSettings

DEFAULT_STATE_DIR: Path = LocalSettings.model_fields["state_dir"].default


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


def command_line(state_dir: Path, arguments: str) -> str:
    """A `cartwheel` command for the run in that state folder."""
    is_default = state_dir == DEFAULT_STATE_DIR.absolute()
    flag = "" if is_default else f" --state-dir {shlex.quote(display_path(state_dir))}"
    return f"{program_name()} {arguments}{flag}"
