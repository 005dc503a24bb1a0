"""Formatting of what commands print: tables, sizes, ages, wrapped sentences."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cartwheel.local.replica_process import State

LINE_WIDTH = 100
# Of the table with the longest names and states.
TABLE_WIDTH = 94
STATE_SYMBOLS = {
    State.READY: Text("✓", "green"),
    State.STARTING: Text("!", "yellow"),
    State.NOT_READY: Text("!", "yellow"),
    State.DRAINING: Text("!", "yellow"),
    State.CRASHED: Text("✗", "red"),
    State.STOPPED: Text("✗", "red"),
}


def new_console() -> Console:
    """A console that never wraps for a pipe; colour only on a terminal, never with NO_COLOR."""
    width = None if sys.stdout.isatty() else LINE_WIDTH
    return Console(width=width, highlight=False)


def format_megabytes(size: int) -> str:
    """A number of bytes, as 12 MB."""
    return f"{size / 1_000_000:.0f} MB"


def format_age(seconds: float) -> str:
    """A time span in its largest unit: 12s, 5m, 3h."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 3600 else f"{seconds / 3600:.0f}h"


def status_table(
    services: Iterable[dict[str, Any]], stores: Iterable[dict[str, Any]], *, width: int
) -> Table:
    """One row for each replica, in the order of the services; then the store processes.

    On a narrow terminal the column of service names is left out; the names of replicas show them.
    """
    is_wide = width >= TABLE_WIDTH
    table = Table(
        box=None, pad_edge=False, padding=(0, 2 if is_wide else 1, 0, 0), header_style="dim"
    )
    for heading in ("", "service" if is_wide else "", "replica", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("restarts", "for", "memory", "port", "pid"):
        table.add_column(heading, justify="right", no_wrap=True)
    for service in services:
        name, ready = service["service"], f"{service['ready']}/{service['desired']}"
        for index, replica in enumerate(service["replicas"]):
            first = "" if index else f"{name} {ready}" if is_wide else ready
            table.add_row(*_row(first, replica))
        if not service["replicas"]:
            first, second = (f"{name} {ready}", "") if is_wide else (ready, name)
            table.add_row(Text("-", "dim"), first, second)
    for store in stores:
        table.add_row(*_row("store" if is_wide else "", store))
    return table


def suggested_command(services: Iterable[Mapping[str, Any]]) -> str:
    """A `scale` command that would change something."""
    desired = {service["service"]: service["desired"] for service in services}
    scaled_to_zero = next((name for name, count in desired.items() if not count), None)
    if scaled_to_zero is not None:
        return f"scale {scaled_to_zero} 1"
    return f"scale cart {2 if desired.get('cart') == 4 else 4}"


def wrap(sentence: str, stream: TextIO) -> str:
    """On a terminal, wrapped between words; elsewhere unchanged, for programs that read it."""
    if not stream.isatty():
        return sentence
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in sentence.splitlines()
    )


def align(values: dict[str, str]) -> str:
    """Names and values in two columns; long values stay in one line, to be copied."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values.items())


def _row(first: str, replica: Mapping[str, Any]) -> tuple[RenderableType, ...]:
    return (
        STATE_SYMBOLS[State(replica["state"])],
        first,
        replica["replica"],
        replica["state"],
        str(replica["restarts"]),
        format_age(replica["age"]),
        format_megabytes(replica["memory"]),
        str(replica["port"] or ""),
        str(replica["pid"] or ""),
    )
