"""The command line of a process as other programs show it (`ps`, `top`)."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

# In /proc/PID/stat, behind the name of the program, which may contain spaces.
_ARG_START, _ARG_END = 45, 46


def set_command_line(arguments: Sequence[str]) -> None:
    """Show these arguments, cut to the room that the original ones took. Linux only."""
    fields = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    room = end - start
    text = b"\0".join(argument.encode() for argument in arguments)[: room - 1]
    ctypes.memmove(start, text.ljust(room, b"\0"), room)
