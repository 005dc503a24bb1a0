"""One readable line for each thing that happens."""

import time
from typing import Literal, Protocol

from rich.console import Console
from rich.text import Text

Kind = Literal["good", "waiting", "bad"]
SIGNS: dict[Kind, tuple[str, str]] = {
    "good": ("✓", "green"),
    "waiting": ("!", "yellow"),
    "bad": ("✗", "red"),
}
LINE_WIDTH = 100
SUBJECT_WIDTH = 17


class Events(Protocol):
    """Where the supervisor tells what happens."""

    def tell(self, kind: Kind, subject: str, what: str) -> None: ...


class Terminal:
    """Events as lines on a terminal, a file or a pipe; colour only on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, kind: Kind, subject: str, what: str) -> None:
        """One line: the time, a sign, who, what."""
        sign, colour = SIGNS[kind]
        head = f"{time.strftime('%H:%M:%S')}  "
        body = f"{subject:<{SUBJECT_WIDTH}} {_one_line(what)}"
        room = LINE_WIDTH - len(head) - 2
        if len(body) > room:
            body = body[: room - 1] + "…"
        self.say(Text.assemble((head, "dim"), (sign, colour), " ", body))

    def say(self, text: Text | str = "") -> None:
        """A line of its own, as it is."""
        try:
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)
        except OSError:
            # The terminal was closed. There is nobody to tell, and stopping matters more.
            self._console.quiet = True


def _one_line(text: str) -> str:
    return " ".join(text.split())
