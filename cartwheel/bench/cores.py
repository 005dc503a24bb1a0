"""Which core runs what: the server under measurement has one for itself."""

import os
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Cores:
    """The core of the server, and that of everything else; None where a core cannot be chosen."""

    server: int | None
    others: int | None

    @classmethod
    def choose(cls) -> "Cores":
        """The last two cores that this process may use."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None)
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[-1], usable[-2]) if len(usable) > 1 else cls(None, None)

    def describe(self) -> str:
        """One sentence for the reader of a table."""
        if self.server is None:
            return "The server shares its core with the load and the store: there was no choice."
        return "The server has one core; the load, the store and the stand-ins share another."


def pin(pid: int, core: int | None) -> None:
    """Keep a process and its threads on a core. Nothing happens without a core or the process."""
    if core is None:
        return
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {core})


def release(pid: int, cores: Cores) -> None:
    """Let a process run on both cores."""
    if cores.server is None or cores.others is None:
        return
    with suppress(OSError):
        os.sched_setaffinity(pid, {cores.server, cores.others})


def pin_tree(pid: int, core: int | None) -> None:
    """As `pin`, with all processes below it."""
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            pin(child.pid, core)
    pin(pid, core)
