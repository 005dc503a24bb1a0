"""A simulation one sync at a time, in a terminal."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from cartwheel.errors import UsageError
from cartwheel.simulation.report import format_time
from cartwheel.simulation.simulation import Simulation

KEYS = "space: next sync · n: next change · r: run, any key pauses · q: quit"
# Syncs a second while it runs.
RUN_RATE = 5.0


def step_through(simulation: Simulation, console: Console) -> None:
    """Show each sync with its sentences. Raises `UsageError` without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError("--step needs a terminal for its keys.")
    with _single_keys():
        console.print(KEYS, style="dim")
        while not simulation.is_over:
            key = _read_key()
            if key in (b"q", b""):
                return
            if key == b"n":
                _go_to_next_change(simulation, console)
            elif key == b"r":
                _run(simulation, console)
            elif key == b" ":
                _step(simulation, console)
    console.print("The load is over.")


def _step(simulation: Simulation, console: Console) -> None:
    simulation.step()
    for line in describe_sync(simulation):
        console.print(line, highlight=False)


def _go_to_next_change(simulation: Simulation, console: Console) -> None:
    changes = len(simulation.changes)
    while len(simulation.changes) == changes and not simulation.is_over:
        simulation.step()
    for line in describe_sync(simulation):
        console.print(line, highlight=False)


def _run(simulation: Simulation, console: Console) -> None:
    while not simulation.is_over:
        _step(simulation, console)
        if select.select([sys.stdin], [], [], 1 / RUN_RATE)[0]:
            _read_key()
            return


def describe_sync(simulation: Simulation) -> Iterator[str]:
    """The last sync: the load and the replicas, then why."""
    workload = simulation.workload
    rate, _ = workload.shape.rate_at(workload.now)
    capacity = workload.ready * simulation.assumptions.capacity
    count = len(workload.replicas)
    over = f"! {rate - capacity:,.4g} over" if rate > capacity else ""
    yield (
        f"{format_time(workload.now, workload.shape.start):>8}  {rate:,.4g} requests/s, capacity "
        f"{capacity:,.4g} {over}  replicas: {count}, ready {workload.ready}"
    )
    for sentence in simulation.controller.sentences():
        yield f"          {sentence}"


def _read_key() -> bytes:
    # Not from `sys.stdin`, which would read further keys into its buffer.
    return os.read(sys.stdin.fileno(), 1)


@contextmanager
def _single_keys() -> Iterator[None]:
    """Keys arrive at once and are not shown; Ctrl-C works as ever."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
