"""What commands print for a person."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cartwheel.local.replica import State

LINE_WIDTH = 100
# Of the table, at the longest names and states.
TABLE_WIDTH = 94
SIGNS = {
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


def megabytes(size: int) -> str:
    """Bytes as a person reads them."""
    return f"{size / 1_000_000:.0f} MB"


def age(seconds: float) -> str:
    """A time span in its largest unit: 12s, 5m, 3h."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 3600 else f"{seconds / 3600:.0f}h"


def overview_table(
    services: Iterable[dict[str, Any]], servers: Iterable[dict[str, Any]], *, width: int
) -> Table:
    """One row a replica, services in the order they were started; then the stores' servers.

    Where it would be too wide, the names of replicas have to do for those of services.
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
        name, counted = service["service"], f"{service['ready']}/{service['desired']}"
        for index, replica in enumerate(service["replicas"]):
            first = "" if index else f"{name} {counted}" if is_wide else counted
            table.add_row(*_row(first, replica))
        if not service["replicas"]:
            first, second = (f"{name} {counted}", "") if is_wide else (counted, name)
            table.add_row(Text("-", "dim"), first, second)
    for server in servers:
        table.add_row(*_row("store" if is_wide else "", server))
    return table


def suggestion(services: Iterable[Mapping[str, Any]]) -> str:
    """A command that would change something."""
    wanted = {service["service"]: service["desired"] for service in services}
    missing = next((name for name, count in wanted.items() if not count), None)
    if missing is not None:
        return f"scale {missing} 1"
    return f"scale cart {2 if wanted.get('cart') == 4 else 4}"


def wrapped(sentence: str, terminal: TextIO) -> str:
    """For a terminal: lines that fit, broken between words. A program gets it in one."""
    if not terminal.isatty():
        return sentence
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in sentence.splitlines()
    )


def _row(first: str, replica: Mapping[str, Any]) -> tuple[RenderableType, ...]:
    return (
        SIGNS[State(replica["state"])],
        first,
        replica["replica"],
        replica["state"],
        str(replica["restarts"]),
        age(replica["age"]),
        megabytes(replica["memory"]),
        str(replica["port"] or ""),
        str(replica["pid"] or ""),
    )


def aligned(values: dict[str, str]) -> str:
    """Names and values, one line each; long values stay whole, to be copied."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values.items())
