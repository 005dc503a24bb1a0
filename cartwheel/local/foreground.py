"""The shop in a terminal: starts, says where it is, and stays until it is stopped."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cartwheel.errors import CommandError, described
from cartwheel.local.command_lines import command_for
from cartwheel.local.events import Terminal
from cartwheel.local.replica import Timeouts
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.supervisor import Supervisor
from cartwheel.local.topology import FRONT, ServiceSpec
from cartwheel.output import megabytes


def run_in_foreground(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 – frozen
) -> None:
    """Run the shop until it is stopped. Raises `StartError`."""
    terminal = Terminal(sys.stdout)
    state = StateFolder.at(settings.state_dir)
    supervisor = Supervisor(
        shop, settings=settings, state=state, events=terminal, timeouts=timeouts
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
    overview = supervisor.overview()
    services = {one["service"]: one for one in overview["services"]}
    count = sum(len(one["replicas"]) for one in services.values())
    ready = sum(one["ready"] for one in services.values())
    state = "Ready" if ready == count else f"Only {ready} are ready"
    memory = megabytes(overview["memory"])
    cart = services["cart"]["url"]
    terminal.say(f"\n{state} after {took:.1f} s: {count} replicas, {memory}.\n")
    terminal.say(f"  Shop          {services[FRONT]['url']}")
    terminal.say(f"  Cart API      {cart}/docs")
    terminal.say(f"  Cart metrics  {cart}/metrics\n")
    terminal.say("Try next, in another terminal:\n")
    terminal.say(f"  {command_for(folder, 'scale cart 4')}\n")
