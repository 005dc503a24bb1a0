"""The memory of a process."""

import psutil


def memory_of(pid: int | None) -> int:
    """Bytes a process uses, shared pages counted in part where that is known; 0 without one."""
    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        try:
            info = process.memory_full_info()
        except psutil.AccessDenied:
            # macOS tells that much about the processes of the same user only to root.
            info = process.memory_info()
    except psutil.Error:
        return 0
    memory: int = getattr(info, "pss", info.rss)
    return memory
