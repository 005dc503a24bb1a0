"""Become a program that ends when the process that started it does, however that ends.

``python -I -S child.py PARENT LIFELINE USER GROUP PROGRAM [ARGUMENT…]``, run as a file of its own:
what it imports delays every start, and until it has done its work a killed parent goes unnoticed.

Linux sends a signal when the parent dies, which outlives the change of program. Elsewhere a
process of a few pages stays beside the program and waits for the end of LIFELINE, a pipe whose
other end only the parent holds; -1 for Linux's way. USER and GROUP of -1 stay as they are.
"""

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
LOOK_EVERY = 1.0
# A program would go on ignoring them without knowing.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> None:
    parent, lifeline, user, group = map(int, sys.argv[1:5])
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if lifeline >= 0:
        _end_with_pipe(lifeline)
    else:
        # After the change of user, which forgets it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    program = sys.argv[5:]
    os.execv(program[0], program)


def _end_with_pipe(lifeline: int) -> None:
    """Leave somebody behind who kills this process group when the pipe ends."""
    program = os.getpid()
    if os.fork():
        os.close(lifeline)
        return
    # A socket or a pipe of the program's ends with the program.
    for descriptor in map(int, os.listdir("/dev/fd")):
        if descriptor != lifeline:
            with suppress(OSError):
                os.close(descriptor)
    while not select.select([lifeline], [], [], LOOK_EVERY)[0]:
        if os.getppid() != program:
            os._exit(0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
