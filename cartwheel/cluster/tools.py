"""The programs that do the work: kind, kubectl, skaffold and docker."""

import shutil
import subprocess
from pathlib import Path

from cartwheel.local.errors import CommandError

CLUSTER = "cartwheel"
CONTEXT = f"kind-{CLUSTER}"
PROJECT = Path(__file__).parents[2]
ASK_WITHIN = 30.0


def installed(program: str) -> bool:
    return shutil.which(program) is not None


def answer(*command: str) -> str | None:
    """What a command prints, or None if it fails or is not there or takes too long."""
    try:
        done = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, timeout=ASK_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run(*command: str) -> None:
    """Run a command that talks to the person itself. Raises `CommandError`."""
    done = subprocess.run(command, cwd=PROJECT, check=False)
    if done.returncode:
        raise CommandError(f"{command[0]} {command[1]} did not succeed (see above).")


def clusters() -> list[str]:
    """The kind clusters there are."""
    return (answer("kind", "get", "clusters") or "").split()


def kubectl(*arguments: str) -> tuple[str, ...]:
    """A kubectl command for our cluster, whichever one the person works with otherwise."""
    return ("kubectl", "--context", CONTEXT, *arguments)
