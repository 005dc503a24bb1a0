"""Command lines for the run in a state folder, for hints in messages."""

import shlex
from pathlib import Path

from cartwheel.invocation import display_path, program_name
from cartwheel.local.settings import LocalSettings

DEFAULT_STATE_DIR: Path = LocalSettings.model_fields["state_dir"].default


def command_line(state_dir: Path, arguments: str) -> str:
    """A `cartwheel` command for the run in that state folder."""
    is_default = state_dir == DEFAULT_STATE_DIR.absolute()
    flag = "" if is_default else f" --state-dir {shlex.quote(display_path(state_dir))}"
    return f"{program_name()} {arguments}{flag}"
