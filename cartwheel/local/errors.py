"""What can keep a command from doing its work.

CommandError            exit 1: the wish is fine, the moment is not
└── StartError          exit 2: something the person has to change first
"""


class CommandError(Exception):
    """One sentence for the person at the terminal."""

    exit_code = 1


class StartError(CommandError):
    """The shop cannot start like this; the sentence says what to change."""

    exit_code = 2
