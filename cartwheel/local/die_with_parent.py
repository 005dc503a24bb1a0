"""Run a program that ends when the process that started it ends, whatever the cause.

``python -I -S die_with_parent.py PARENT LIFELINE UID GID OPEN_FILES PROGRAM [ARGUMENT…]``

It runs as a file of its own because every import delays every start, and until it has done its
work the death of the parent goes unnoticed.

Linux sends a signal when the parent dies (PR_SET_PDEATHSIG), and that setting survives `exec`.
On other systems a process of a few pages stays beside the program and waits for the end of
LIFELINE, a pipe whose other end only the parent holds. LIFELINE is -1 on Linux. A UID, GID or
limit of OPEN_FILES of -1 is left unchanged.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
POLL_INTERVAL = 1.0
# Python ignores these signals, and `exec` would hand that on to the program.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> None:
    parent, lifeline, uid, gid, open_files = map(int, sys.argv[1:6])
    if open_files >= 0:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, hard))
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if lifeline >= 0:
        _end_with_pipe(lifeline)
    else:
        # After the change of user, which would clear the setting.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    program = sys.argv[6:]
    os.execv(program[0], program)


def _end_with_pipe(lifeline: int) -> None:
    """Fork a watcher that kills this process group when the pipe ends."""
    program = os.getpid()
    if os.fork():
        os.close(lifeline)
        return
    # The watcher must not keep the program's sockets and pipes open.
    for descriptor in map(int, os.listdir("/dev/fd")):
        if descriptor != lifeline:
            with suppress(OSError):
                os.close(descriptor)
    while not select.select([lifeline], [], [], POLL_INTERVAL)[0]:
        if os.getppid() != program:
            os._exit(0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
