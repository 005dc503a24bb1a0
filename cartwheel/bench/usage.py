"""What processes use: CPU time and memory."""

import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

MEBI = 1024 * 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """The CPU time that these processes have used since they started."""
    return sum(map(_cpu_seconds, pids))


def memory_mebibytes(pids: Iterable[int]) -> float:
    """The memory of these processes; pages that they share with others count in part."""
    return sum(map(_memory, pids)) / MEBI


def process_tree(pid: int) -> list[int]:
    """The process and all below it."""
    pids = [pid]
    with suppress(psutil.Error):
        pids += [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return pids


def _cpu_seconds(pid: int) -> float:
    if sys.platform == "linux":
        # The clock of the process (see clock_getcpuclockid): exact to the nanosecond.
        with suppress(OSError):
            return time.clock_gettime((~pid << 3) | 2)
        return 0.0
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


def _memory(pid: int) -> int:
    with suppress(psutil.Error):
        used = psutil.Process(pid).memory_full_info()
        return int(getattr(used, "pss", used.uss))
    return 0
