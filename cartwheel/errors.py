"""Errors of the operator's tool: one line for the person at the terminal, and an exit code.

CommandError            exit 1: the command is right, but it cannot succeed now
└── UsageError          exit 2: the person has to change something first
"""

import traceback
from pathlib import Path


class CommandError(Exception):
    """The command failed; the message is one line for the person at the terminal."""

    exit_code = 1


class UsageError(CommandError):
    """An argument, a setting or the machine has to change first; the message says what."""

    exit_code = 2


def error_of(message: str, *, exit_code: int) -> CommandError:
    """The error that another process reported by its message and exit code."""
    kind = UsageError if exit_code == UsageError.exit_code else CommandError
    return kind(message)


def describe_error(error: BaseException) -> str:
    """One phrase; an unexpected error is described with the place where it was raised."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    detail = f": {error}" if str(error) else ""
    return f"{type(error).__name__}{detail}{place}"
