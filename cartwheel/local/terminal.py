"""Events as readable lines on the terminal."""

import os
import shutil
import textwrap
import time
from contextlib import suppress
from io import StringIO
from queue import SimpleQueue
from threading import Thread
from typing import TextIO

from rich.console import Console
from rich.text import Text

from cartwheel.local.events import EventKind

SYMBOLS: dict[EventKind, tuple[str, str]] = {
    "success": ("✓", "green"),
    "pending": ("!", "yellow"),
    "failure": ("✗", "red"),
}
LINE_WIDTH = 100
SUBJECT_WIDTH = 17
MIN_MESSAGE_WIDTH = 20
MAX_LINES_PER_EVENT = 4
MAX_QUEUED_LINES = 1000
CLOSE_TIMEOUT = 1.0  # seconds


class Terminal:
    """An event sink that writes lines to a terminal, a file or a pipe; colour only on a terminal.

    A thread writes the lines. A stopped terminal (Ctrl-S), a pipe without a reader or a full disk
    blocks only that thread. While it is blocked, lines past `MAX_QUEUED_LINES` are dropped.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output.fileno()
        columns = shutil.get_terminal_size().columns if output.isatty() else LINE_WIDTH
        self._width = min(columns, LINE_WIDTH)
        # Renders into memory: a console that fails to write keeps the text and fails again later.
        self._console = Console(
            file=StringIO(), force_terminal=True if output.isatty() else None, highlight=False
        )
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._writer = Thread(target=self._write_lines, name="terminal", daemon=True)
        self._writer.start()

    def emit(self, kind: EventKind, subject: str, message: str) -> None:
        """Print time, symbol, subject and message; a long message continues on further lines."""
        symbol, colour = SYMBOLS[kind]
        timestamp = f"{time.strftime('%H:%M:%S')}  "
        indent = len(timestamp) + 2 + SUBJECT_WIDTH + 1
        first, *rest = textwrap.wrap(
            message,
            max(self._width - indent, MIN_MESSAGE_WIDTH),
            max_lines=MAX_LINES_PER_EVENT,
            placeholder=" …",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
        self.print_line(
            Text.assemble(
                (timestamp, "dim"), (symbol, colour), f" {subject:<{SUBJECT_WIDTH}} {first}"
            )
        )
        for line in rest:
            self.print_line(" " * indent + line)

    def print_line(self, text: Text | str = "") -> None:
        """Print a line as it is."""
        if self._queue.qsize() >= MAX_QUEUED_LINES:
            return
        self._console.file = rendered = StringIO()
        self._console.print(text, soft_wrap=True, markup=False)
        self._queue.put(rendered.getvalue().encode(errors="replace"))

    def close(self) -> None:
        """Write the queued lines, for at most `CLOSE_TIMEOUT`."""
        self._queue.put(None)
        self._writer.join(CLOSE_TIMEOUT)

    def _write_lines(self) -> None:
        while (line := self._queue.get()) is not None:
            # The output is closed or full: the line is lost, the shop goes on.
            with suppress(OSError):
                while line:
                    line = line[os.write(self._output, line) :]
