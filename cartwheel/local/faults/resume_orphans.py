"""Resumes stopped processes when the one that stopped them has ended, whatever the cause.

``python -I -S resume_orphans.py`` reads one process id per line, and resumes all of them at the
end of its input. Postgres' backends notice that Postgres has died only when they run: stopped for
ever, they would keep the next Postgres from starting.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial


def main() -> None:
    resume: list[Callable[[int], None]] = []
    for line in sys.stdin:
        with contextlib.suppress(ProcessLookupError):
            resume.append(_signaller(int(line)))
    for send_signal in resume:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send_signal(signal.SIGCONT)


def _signaller(pid: int) -> Callable[[int], None]:
    """What sends signals to this very process, also when its id is given to another one.

    Raises `ProcessLookupError`.
    """
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        try:
            return partial(signal.pidfd_send_signal, os.pidfd_open(pid))
        except ProcessLookupError:
            raise
        except OSError:
            # No descriptor is left. SIGCONT does no harm to a process that runs.
            pass
    return partial(os.kill, pid)


if __name__ == "__main__":
    main()
