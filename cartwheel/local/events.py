"""One readable line for each thing that happens."""

import os
import shutil
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from queue import SimpleQueue
from threading import Thread
from typing import Literal, Protocol, TextIO

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
NARROWEST = 20
LINES_AT_MOST = 4
LINES_WAITING = 1000
LAST_WORDS_WITHIN = 1.0  # seconds


class Events(Protocol):
    """Where the supervisor tells what happens."""

    def tell(self, kind: Kind, subject: str, what: str) -> None: ...


class Nobody:
    """For work whose steps nobody follows."""

    def tell(self, kind: Kind, subject: str, what: str) -> None:
        """Nothing."""


def told_of(events: Events, subject: str) -> Callable[[Kind, str], None]:
    """Tell of one subject, for those who know no other."""
    return lambda kind, what: events.tell(kind, subject, what)


class Terminal:
    """Events as lines on a terminal, a file or a pipe; colour only on a terminal.

    A thread of its own writes them: a terminal that is held (Ctrl-S), a pipe that nobody reads
    and a full disk stop nobody but it. What does not fit in the meantime is not shown.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output.fileno()
        columns = shutil.get_terminal_size().columns if output.isatty() else LINE_WIDTH
        self._width = min(columns, LINE_WIDTH)
        # Renders into memory: what a console itself cannot write now, it fails at later.
        self._console = Console(
            file=StringIO(), force_terminal=True if output.isatty() else None, highlight=False
        )
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._writer = Thread(target=self._write, name="terminal", daemon=True)
        self._writer.start()

    def tell(self, kind: Kind, subject: str, what: str) -> None:
        """The time, a sign, who, what; in further lines what does not fit in one."""
        sign, colour = SIGNS[kind]
        head = f"{time.strftime('%H:%M:%S')}  "
        beside = len(head) + 2 + SUBJECT_WIDTH + 1
        first, *rest = textwrap.wrap(
            what,
            max(self._width - beside, NARROWEST),
            max_lines=LINES_AT_MOST,
            placeholder=" …",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
        self.say(
            Text.assemble((head, "dim"), (sign, colour), f" {subject:<{SUBJECT_WIDTH}} {first}")
        )
        for more in rest:
            self.say(" " * beside + more)

    def say(self, text: Text | str = "") -> None:
        """A line of its own, as it is."""
        if self._lines.qsize() >= LINES_WAITING:
            return
        self._console.file = rendered = StringIO()
        self._console.print(text, soft_wrap=True, markup=False)
        self._lines.put(rendered.getvalue().encode(errors="replace"))

    def close(self) -> None:
        """Say what waits to be said, as far as anybody takes it."""
        self._lines.put(None)
        self._writer.join(LAST_WORDS_WITHIN)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # Closed or full: there is nobody to tell just now, and the work matters more.
            with suppress(OSError):
                while line:
                    line = line[os.write(self._output, line) :]
