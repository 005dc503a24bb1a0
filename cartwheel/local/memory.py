"""The memory of a process."""

import psutil


def memory_of(pid: int | None) -> int:
    """Bytes a process uses, shared pages counted in part; 0 when there is no process."""
    if pid is None:
        return 0
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    memory: int = getattr(full, "pss", full.rss)
    return memory
