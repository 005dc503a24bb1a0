"""`cartwheel up`: the shop in the foreground of a terminal."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cartwheel.errors import CommandError, describe_error
from cartwheel.local.autoscaling.chosen import choose_autoscaler
from cartwheel.local.command_lines import command_line
from cartwheel.local.output import format_megabytes
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.supervisor import Supervisor
from cartwheel.local.terminal import Terminal
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import FRONT_SERVICE, ServiceSpec


def run_in_foreground(
    shop: Sequence[ServiceSpec],
    settings: LocalSettings,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 – frozen
) -> None:
    """Run the shop until it is stopped. Raises `CommandError`."""
    autoscaler = choose_autoscaler(settings.autoscale, [spec.name for spec in shop])
    terminal = Terminal(sys.stdout)
    state = StateFolder.at(settings.state_dir)
    supervisor = Supervisor(
        shop,
        settings=settings,
        state=state,
        events=terminal,
        timeouts=timeouts,
        autoscaler=autoscaler,
    )
    started = time.monotonic()

    def print_welcome() -> None:
        _print_welcome(terminal, supervisor, state, startup_time=time.monotonic() - started)

    try:
        asyncio.run(supervisor.run(on_ready=print_welcome))
        terminal.print_line("Stopped.")
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(
            f"Cartwheel stopped after an internal error ({describe_error(error)})."
        ) from error
    finally:
        terminal.close()


def _print_welcome(
    terminal: Terminal, supervisor: Supervisor, state: StateFolder, *, startup_time: float
) -> None:
    status = supervisor.status()
    services = {one["service"]: one for one in status["services"]}
    count = sum(len(one["replicas"]) for one in services.values())
    ready = sum(one["ready"] for one in services.values())
    readiness = "Ready" if ready == count else f"Only {ready} are ready"
    memory = format_megabytes(status["memory"])
    terminal.print_line(f"\n{readiness} after {startup_time:.1f} s: {count} replicas, {memory}.\n")
    console = status["console"]
    urls = {
        "Shop": services[FRONT_SERVICE]["url"],
        **({"Console": console["link"]} if console else {}),
        "Cart API": f"{services['cart']['url']}/docs",
    }
    for name, url in urls.items():
        terminal.print_line(f"  {name:<8}  {url}")
    terminal.print_line(f"\n{_hint(state, status)}\n")


def _hint(state: StateFolder, status: Mapping[str, Any]) -> str:
    """What to try next."""
    if status["console"]:
        return "Try next: open the console and press L for load."
    command = "load" if status["autoscaler"] else "scale cart 4"
    return f"Try next, in another terminal:\n\n  {command_line(state.root, command)}"
