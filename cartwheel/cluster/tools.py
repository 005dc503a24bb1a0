"""The programs that do the work: kind, kubectl, skaffold and docker."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartwheel.errors import CommandError

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


def run(*command: str, given: str | None = None, **environment: str) -> None:
    """Run a command that talks to the person itself, and reads what is given.

    ``environment`` is added to that of the person. Raises `CommandError`.
    """
    done = subprocess.run(
        command,
        cwd=PROJECT,
        check=False,
        input=given,
        text=True,
        env={**os.environ, **environment},
    )
    if done.returncode:
        raise CommandError(f"{command[0]} {command[1]} did not succeed (see above).")


def clusters() -> list[str]:
    """The kind clusters there are. Raises `CommandError`: no answer is not the answer "none"."""
    said = answer("kind", "get", "clusters")
    if said is None:
        raise CommandError("kind get clusters does not answer: try it by hand.")
    return said.split()


def kubectl(*arguments: str) -> tuple[str, ...]:
    """A kubectl command for our cluster, whichever one the person works with otherwise."""
    return ("kubectl", "--context", CONTEXT, *arguments)


@contextmanager
def only_our_cluster() -> Iterator[str]:
    """A kubeconfig that knows no other, for what takes no context. Raises `CommandError`."""
    text = answer("kind", "get", "kubeconfig", "--name", CLUSTER)
    if text is None:
        raise CommandError(f"kind get kubeconfig does not answer for {CLUSTER}: try it by hand.")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        yield file.name
