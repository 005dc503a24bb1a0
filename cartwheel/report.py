"""What commands print for a person."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cartwheel.local.replica import State

LINE_WIDTH = 100
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


def this_command() -> str:
    """How the person can type `cartwheel` here."""
    if shutil.which("cartwheel"):
        return "cartwheel"
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return "python -m cartwheel"
    try:
        return str(program.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(program)


def overview_table(services: Iterable[dict[str, Any]]) -> Table:
    """One row a replica, services in the order they were started."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "service", "replica", "state"):
        table.add_column(heading)
    for heading in ("restarts", "for", "memory", "port", "pid"):
        table.add_column(heading, justify="right")
    for service in services:
        for index, replica in enumerate(service["replicas"]):
            counted = f"{service['service']} {service['ready']}/{service['desired']}"
            table.add_row(
                SIGNS[State(replica["state"])],
                "" if index else counted,
                replica["replica"],
                replica["state"],
                str(replica["restarts"]),
                age(replica["age"]),
                megabytes(replica["memory"]),
                str(replica["port"] or ""),
                str(replica["pid"] or ""),
            )
        if not service["replicas"]:
            table.add_row(Text("-", "dim"), f"{service['service']} 0/{service['desired']}")
    return table


def aligned(values: dict[str, str]) -> str:
    """Names and values, one line each; long values stay whole, to be copied."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values.items())
