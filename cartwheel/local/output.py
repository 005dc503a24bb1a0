"""Formatting of what commands of the local run print: tables, sizes, ages."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cartwheel.local.replica_process import State

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


def autoscaler_line(autoscaler: Mapping[str, Any]) -> str:
    """Service, metric and target, and what it asks for, in one line."""
    bounds = f"{autoscaler['min']} to {autoscaler['max']}"
    # A shop of an older version does not tell whether it is paused.
    if autoscaler.get("is_paused"):
        metrics = "paused"
    else:
        metrics = autoscaler["metrics"] or "it has not decided yet"
    return f"{autoscaler['service']}, {metrics}: desired {autoscaler['desired']} ({bounds})."


def fault_line(fault: Mapping[str, Any]) -> str:
    """A fault that goes on, in one line."""
    since = f"{format_age(fault['age'])} ago by {fault['session']}"
    ended = "" if fault["acts"] else "; ended: its process is gone"
    return f"{fault['target']}: {fault['sentence']}, fault {fault['id']} begun {since}{ended}"


def suggested_command(services: Iterable[Mapping[str, Any]], *, is_autoscaled: bool) -> str:
    """A command that shows or changes something; the autoscaler would undo a `scale`."""
    desired = {service["service"]: service["desired"] for service in services}
    scaled_to_zero = next((name for name, count in desired.items() if not count), None)
    if scaled_to_zero is not None:
        return f"scale {scaled_to_zero} 1"
    if is_autoscaled:
        return "explain"
    return f"scale cart {2 if desired.get('cart') == 4 else 4}"


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
