"""The command-line tools behind these commands: kind, kubectl, skaffold and docker."""

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
QUERY_TIMEOUT = 30.0


def is_installed(program: str) -> bool:
    return shutil.which(program) is not None


def output_of(*command: str) -> str | None:
    """What a command prints; None if it fails, is not installed or takes too long."""
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=QUERY_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run(*command: str, stdin: str | None = None, **environment: str) -> None:
    """Run a command whose output goes to the terminal. Raises `CommandError`.

    ``environment`` is added to the environment of this process.
    """
    done = subprocess.run(
        command,
        cwd=PROJECT,
        check=False,
        input=stdin,
        text=True,
        env={**os.environ, **environment},
    )
    if done.returncode:
        raise CommandError(f"{command[0]} {command[1]} did not succeed (see above).")


def kind_clusters() -> list[str]:
    """The names of all kind clusters. Raises `CommandError` when kind does not answer."""
    names = output_of("kind", "get", "clusters")
    if names is None:
        raise CommandError("kind get clusters does not answer: try it by hand.")
    return names.split()


def kubectl(*arguments: str) -> tuple[str, ...]:
    """A kubectl command for our cluster, whatever the person's current context is."""
    return ("kubectl", "--context", CONTEXT, *arguments)


@contextmanager
def cluster_kubeconfig() -> Iterator[str]:
    """The path of a kubeconfig with our cluster only. Raises `CommandError`."""
    text = output_of("kind", "get", "kubeconfig", "--name", CLUSTER)
    if text is None:
        raise CommandError(f"kind get kubeconfig does not answer for {CLUSTER}: try it by hand.")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        yield file.name
