"""The shop in a terminal: starts, says where it is, and stays until it is stopped."""

import asyncio
import time
from collections.abc import Sequence

from cartwheel.local.events import Terminal
from cartwheel.local.replica import Patience, State
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state import StateFolder
from cartwheel.local.supervisor import Supervisor
from cartwheel.local.topology import ServiceSpec
from cartwheel.report import megabytes, new_console, this_command


def run_in_foreground(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    patience: Patience = Patience(),  # noqa: B008 – frozen
) -> None:
    """Run the shop until it is stopped. Raises `StartError`."""
    terminal = Terminal(new_console())
    supervisor = Supervisor(
        shop,
        settings=settings,
        state=StateFolder.at(settings.state_dir),
        events=terminal,
        patience=patience,
    )
    started = time.monotonic()
    asyncio.run(
        supervisor.run(
            on_ready=lambda: _greet(
                terminal, supervisor, host=settings.host, took=time.monotonic() - started
            )
        )
    )
    terminal.say("Stopped.")


def _greet(terminal: Terminal, supervisor: Supervisor, *, host: str, took: float) -> None:
    reachable = "127.0.0.1" if host == "0.0.0.0" else host
    shop, cart = (
        f"http://{reachable}:{supervisor.port_of(name)}" for name in ("storefront", "cart")
    )
    replicas = supervisor.replicas()
    ready = sum(replica.state == State.READY for replica in replicas)
    state = "Ready" if ready == len(replicas) else f"Only {ready} are ready"
    memory = megabytes(supervisor.memory())
    terminal.say(f"\n{state} after {took:.1f} s: {len(replicas)} replicas, {memory}.\n")
    terminal.say(f"  Shop          {shop}")
    terminal.say(f"  Cart API      {cart}/docs")
    terminal.say(f"  Cart metrics  {cart}/metrics\n")
    terminal.say(f"Try next, in another terminal: {this_command()} scale cart 4\n")
