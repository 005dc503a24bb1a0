"""The stores: the server programs that `--stores real` needs."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.errors import describe_error
from cartwheel.local.stores import INSTALL_STORE_WHEELS, missing_store_wheels

START_TIMEOUT = 10.0  # seconds


def examine(machine: Machine) -> Iterator[Outcome]:
    if machine.settings.stores != "real":
        yield Healthy("stores are SQLite files")
        return
    if missing := missing_store_wheels():
        yield Finding(
            about="--stores real",
            problem=f"it needs packages that are not installed: {', '.join(missing)}",
            evidence="Python finds no package of that name",
            command=INSTALL_STORE_WHEELS,
        )
        return
    yield from _programs()


def _programs() -> Iterator[Outcome]:
    # Imported here, because the module needs the wheels.
    from cartwheel.local.store_processes import store_programs

    for program in store_programs():
        version, problem = _version_of(program)
        if problem is None:
            yield Healthy(version)
            continue
        yield Finding(
            about="--stores real",
            problem=f"{program.name} does not start",
            evidence=f"{program} --version: {problem}",
            command=f"{INSTALL_STORE_WHEELS} --force-reinstall",
        )


def _version_of(program: Path) -> tuple[str, str | None]:
    """What a program prints about itself, or why it does not."""
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", describe_error(error)
    version = done.stdout.strip().split(" sha=")[0]
    return version, (done.stderr.strip() or "no message") if done.returncode else None


CHECK = Check("stores", "the servers that `--stores real` needs", examine)
