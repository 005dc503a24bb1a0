"""What a person could type next: here, and for this run."""

import shlex
import shutil
import sys
from pathlib import Path

from cartwheel.local.settings import LocalSettings

DEFAULT_FOLDER: Path = LocalSettings.model_fields["state_dir"].default


def shown(path: Path) -> str:
    """A path as a person would type it: relative when it lies below where they stand."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def this_command() -> str:
    """How the person can type `cartwheel` here."""
    if shutil.which("cartwheel"):
        return "cartwheel"
    program = Path(sys.executable).with_name("cartwheel")
    if program.exists():
        return shlex.quote(shown(program))
    return f"{shlex.quote(shown(Path(sys.executable)))} -m cartwheel"


def command_for(folder: Path, words: str) -> str:
    """A command about the run in a state folder."""
    is_default = folder == DEFAULT_FOLDER.absolute()
    flag = "" if is_default else f" --state-dir {shlex.quote(shown(folder))}"
    return f"{this_command()} {words}{flag}"
