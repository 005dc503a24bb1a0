"""What the local checks look at."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import send_command
from cartwheel.local.settings import LocalSettings, load_local_settings
from cartwheel.local.state_folder import StateFolder

RESPONSE_TIMEOUT = 5.0  # seconds


@dataclass
class Machine:
    """This machine, read when a check asks for it; a read that fails raises `CommandError`."""

    state_dir: Path | None = None
    # Where this code, its virtual environment and the person are.
    code: Path = Path(__file__).parents[3]
    prefix: Path = Path(sys.prefix)
    folder: Path = Path()

    @cached_property
    def settings(self) -> LocalSettings:
        """Those of the next `cartwheel up`."""
        return load_local_settings(state_dir=self.state_dir)

    @cached_property
    def state(self) -> StateFolder:
        return StateFolder.at(self.settings.state_dir)

    @cached_property
    def running_pid(self) -> int | None:
        return self.state.running_pid()

    @cached_property
    def status(self) -> dict[str, Any]:
        """That of the running shop."""
        return send_command(
            self.state.control_socket, {"command": "status"}, timeout=RESPONSE_TIMEOUT
        )

    @cached_property
    def manifest(self) -> str | None:
        """The YAML of the running shop's autoscaler that is in force; None if it is off."""
        if not self.status["autoscaler"]:
            return None
        snapshot = send_command(
            self.state.control_socket, {"command": "autoscaler"}, timeout=RESPONSE_TIMEOUT
        )
        # A shop of an older version does not tell.
        return snapshot.get("manifest") or None

    @property
    def is_checkout(self) -> bool:
        """Whether the code lies in a checkout of the project, not in an installed package."""
        return (self.code / "Makefile").exists() and (self.code / "pyproject.toml").exists()

    def command(self, arguments: str) -> str:
        """A `cartwheel` command for this state folder."""
        return command_line(self.state.root, arguments)
