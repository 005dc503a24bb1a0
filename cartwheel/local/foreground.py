"""The shop in a terminal: starts, says where it is, and stays until it is stopped."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cartwheel.local.errors import CommandError, described
from cartwheel.local.events import Terminal
from cartwheel.local.hints import command_for
from cartwheel.local.replica import Patience, State
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state import StateFolder
from cartwheel.local.supervisor import Supervisor
from cartwheel.local.topology import ServiceSpec
from cartwheel.report import megabytes


def run_in_foreground(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    patience: Patience = Patience(),  # noqa: B008 – frozen
) -> None:
    """Run the shop until it is stopped. Raises `StartError`."""
    terminal = Terminal(sys.stdout)
    state = StateFolder.at(settings.state_dir)
    supervisor = Supervisor(
        shop, settings=settings, state=state, events=terminal, patience=patience
    )
    started = time.monotonic()

    def greet() -> None:
        _greet(terminal, supervisor, folder=state.root, took=time.monotonic() - started)

    try:
        asyncio.run(supervisor.run(on_ready=greet))
        terminal.say("Stopped.")
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(
            f"Cartwheel stopped: an error of its own ({described(error)})."
        ) from error
    finally:
        terminal.close()


def _greet(terminal: Terminal, supervisor: Supervisor, *, folder: Path, took: float) -> None:
    shop, cart = (supervisor.url_of(name) for name in ("storefront", "cart"))
    replicas = supervisor.replicas()
    ready = sum(replica.state == State.READY for replica in replicas)
    state = "Ready" if ready == len(replicas) else f"Only {ready} are ready"
    memory = megabytes(supervisor.memory())
    terminal.say(f"\n{state} after {took:.1f} s: {len(replicas)} replicas, {memory}.\n")
    terminal.say(f"  Shop          {shop}")
    terminal.say(f"  Cart API      {cart}/docs")
    terminal.say(f"  Cart metrics  {cart}/metrics\n")
    terminal.say("Try next, in another terminal:\n")
    terminal.say(f"  {command_for(folder, 'scale cart 4')}\n")
