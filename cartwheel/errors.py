"""What can keep a command from doing its work.

CommandError            exit 1: the wish is fine, the moment is not
└── StartError          exit 2: something the person has to change first
"""

import traceback
from pathlib import Path


class CommandError(Exception):
    """One sentence for the person at the terminal."""

    exit_code = 1


class StartError(CommandError):
    """The shop cannot start like this; the sentence says what to change."""

    exit_code = 2


def described(error: BaseException) -> str:
    """An error in a few words; one that nobody foresaw with the place where it happened."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    words = f": {error}" if str(error) else ""
    return f"{type(error).__name__}{words}{place}"
