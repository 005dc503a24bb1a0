"""The replicas of the running shop."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.doctor.words import count
from cartwheel.invocation import display_path
from cartwheel.local.replica_process import State

# A replica that is starting or draining for longer is not just about to be done.
MAX_TRANSITION = 30.0  # seconds


def examine(machine: Machine) -> Iterator[Outcome]:
    if machine.running_pid is None:
        return
    replicas = [
        *(each for service in machine.status["services"] for each in service["replicas"]),
        *machine.status["servers"],
    ]
    findings = [*_unhealthy(machine, replicas), *_reported(machine)]
    yield from findings
    if not findings:
        yield Healthy(f"{count(len(replicas), 'replica')} ready")


def _unhealthy(machine: Machine, replicas: list[dict[str, Any]]) -> Iterator[Finding]:
    for replica in replicas:
        state, age = State(replica["state"]), replica["age"]
        in_transition = state in (State.STARTING, State.DRAINING) and age < MAX_TRANSITION
        if state is not State.READY and not in_transition:
            yield Finding(
                about=replica["replica"],
                problem=f"it is {state} for {age:.0f} s, after {replica['restarts']} restarts",
                evidence="`cartwheel status` says so; its log says why",
                command=f"tail -n 20 {_log_of(machine, replica)}",
            )


def _reported(machine: Machine) -> Iterator[Finding]:
    for problem in machine.status["problems"]:
        about, _, text = problem.partition(": ")
        yield Finding(
            about=about,
            problem=text,
            evidence="`cartwheel status` says so",
            command=machine.command("status"),
        )


def _log_of(machine: Machine, replica: Mapping[str, Any]) -> str:
    folder = machine.state.log_folder(replica["service"])
    return shlex.quote(f"{display_path(folder)}/{replica['replica']}.log")


CHECK = Check("replicas", "the replicas and store processes of the running shop", examine)
