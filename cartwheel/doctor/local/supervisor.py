"""The supervisor of a running shop."""

from collections.abc import Iterator

import psutil

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.errors import CommandError


def examine(machine: Machine) -> Iterator[Outcome]:
    pid = machine.running_pid
    if pid is None:
        yield Healthy("no shop runs")
        return
    if _is_stopped(pid):
        yield Finding(
            about=f"supervisor (pid {pid})",
            problem="it is stopped, as by Ctrl-Z: nobody probes or restarts replicas",
            evidence="the kernel lists the process as stopped",
            command=f"kill -CONT {pid}",
        )
        return
    try:
        machine.status  # noqa: B018 - reading it is the check
    except CommandError as error:
        yield Finding(
            about=f"supervisor (pid {pid})",
            problem="it holds the state folder and does not respond to commands",
            evidence=str(error).rstrip("."),
            command=f"kill {pid} && sleep 5 && {machine.command('up')}",
        )
    else:
        yield Healthy(f"the supervisor (pid {pid}) responds")


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


CHECK = Check("supervisor", "whether the supervisor of a running shop responds", examine)
