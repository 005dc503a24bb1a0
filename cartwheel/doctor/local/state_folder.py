"""The state folder: rights, space, and what a run that was killed has left."""

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.local.machine import Machine
from cartwheel.invocation import display_path

MIN_FREE = 200 * 1000**2  # bytes: stores, logs and a recording of an hour


def examine(machine: Machine) -> Iterator[Outcome]:
    root = machine.state.root
    if root.exists() and not root.is_dir():
        yield Finding(
            about=f"state folder {display_path(root)}",
            problem="it is not a folder",
            evidence="there is a file of that name",
            command=f"mv {shlex.quote(str(root))} {shlex.quote(str(root))}.old",
        )
        return
    findings = [*not_writable(root), *too_full(root), *left_behind(machine)]
    yield from findings
    if not findings:
        yield Healthy(f"{display_path(root)} is writable")


def not_writable(root: Path) -> Iterator[Finding]:
    """The files of the folder that this user may not write, or the folder that it may not make."""
    existing = next(each for each in (root, *root.parents) if each.exists())
    inside = (Path(at, name) for at, _, names in os.walk(root) for name in [".", *names])
    # A Postgres that root started belongs to another user, on purpose.
    ours = (each for each in inside if "postgres" not in each.relative_to(root).parts)
    refused = next((each for each in (existing, *ours) if not _is_writable(each)), None)
    if refused is None:
        return
    owner = refused.owner() if refused.exists() else "another user"
    yield Finding(
        about=f"state folder {display_path(root)}",
        problem=f"{display_path(refused)} is not yours to write",
        evidence=f"it belongs to {owner}: a run as root leaves such files",
        command=f'sudo chown -R "$(id -u):$(id -g)" {shlex.quote(str(root))}'
        if existing == root
        else "export CARTWHEEL_STATE_DIR=~/.cartwheel",
    )


def too_full(root: Path) -> Iterator[Finding]:
    """A disk with no room for stores and logs."""
    existing = next(each for each in (root, *root.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE:
        yield Finding(
            about=f"state folder {display_path(root)}",
            problem=f"its disk has {free / 1000**2:.0f} MB left: stores and logs need more",
            evidence=f"the file system of {existing} says so; "
            f"{MIN_FREE / 1000**2:.0f} MB are enough for an hour",
            command=f"du -sh {shlex.quote(str(root))}/* | sort -h",
            severity=Severity.PROBLEM if free < MIN_FREE / 10 else Severity.RISK,
        )


def left_behind(machine: Machine) -> Iterator[Finding]:
    """Processes that work in this folder although no supervisor does."""
    if machine.running_pid is not None:
        return
    orphans = [*_processes_of(machine.state.root)]
    if orphans:
        names = ", ".join(f"{each.info['name']} (pid {each.pid})" for each in orphans)
        yield Finding(
            about=f"state folder {display_path(machine.state.root)}",
            problem=f"a run that was killed has left {names}",
            evidence="no supervisor holds the lock of the folder, and these name it or serve it",
            command=f"kill {' '.join(str(each.pid) for each in orphans)}",
        )


def _processes_of(root: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline", "environ"]):
        environment = process.info["environ"] or {}
        # The replicas of a run read their secrets from its folder, its stores keep data there.
        is_replica = environment.get("CARTWHEEL_SECRETS_DIR") == str(root / "secrets")
        is_store = str(root / "postgres") in (process.info["cmdline"] or [])
        if is_replica or is_store:
            yield process


def _is_writable(path: Path) -> bool:
    # A socket or a link that leads nowhere is replaced, not written.
    return not path.exists() or path.is_socket() or os.access(path, os.W_OK)


CHECK = Check(
    "state-folder", "rights and space of the state folder, and left-over processes", examine
)
