"""The `cartwheel` command.

Exit codes: 0 good, 1 the moment is wrong (nothing runs, it did not get ready), 2 wrong usage.
"""

import asyncio
import json
import os
import re
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from app.settings import describe
from cartwheel.errors import CommandError
from cartwheel.local.command_lines import command_for, shown, this_command
from cartwheel.local.control_socket import Message, ask
from cartwheel.local.effective_settings import effective_values
from cartwheel.local.foreground import run_in_foreground
from cartwheel.local.settings import LocalSettings, load_local
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_setup import prepare_stores
from cartwheel.local.topology import FRONT, SHOP, by_name, check_count, find, impossible
from cartwheel.output import (
    aligned,
    megabytes,
    new_console,
    overview_table,
    suggestion,
    wrapped,
)

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

CHANGE_WITHIN = 120.0  # seconds a scale or a roll may take, drains included
ANSWER_WITHIN = 10.0
STOP_WITHIN = 20.0

StateDir = Annotated[
    Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
]
Stores = Annotated[
    str | None, typer.Option(help="sqlite, or real: Valkey and Postgres (CARTWHEEL_STORES).")
]
PortOption = Annotated[int | None, typer.Option(help="Where the service is reached (see config).")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Service = Annotated[str, typer.Argument(help=f"One of {', '.join(by_name(SHOP))}.")]


@app.callback()
def overview(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which one this is.")] = False,
) -> None:
    """Run the shop on this machine."""
    if version:
        _say(f"cartwheel {metadata.version('cartwheel')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def up(
    state_dir: StateDir = None,
    stores: Stores = None,
    host: Annotated[str | None, typer.Option(help="Where to listen (127.0.0.1 and ::1).")] = None,
    port_storefront: PortOption = None,
    port_products: PortOption = None,
    port_cart: PortOption = None,
    port_user: PortOption = None,
    port_tracking: PortOption = None,
) -> None:
    """Start the shop and stay in the foreground."""
    settings = load_local(
        state_dir=state_dir,
        stores=stores,
        host=host,
        port_storefront=port_storefront,
        port_products=port_products,
        port_cart=port_cart,
        port_user=port_user,
        port_tracking=port_tracking,
    )
    run_in_foreground(SHOP, settings)


@app.command()
def down(state_dir: StateDir = None) -> None:
    """Stop the shop that runs in another terminal."""
    state = _state(state_dir)
    started = time.monotonic()
    pid = _ask(state, {"command": "down"}, timeout=ANSWER_WITHIN)["pid"]
    while state.running_pid() == pid:
        if time.monotonic() - started > STOP_WITHIN:
            raise CommandError(f"Still running after {STOP_WITHIN:g} s. To end it: kill -9 {pid}")
        time.sleep(0.05)
    _say(f"Stopped in {time.monotonic() - started:.1f} s.")


@app.command()
def status(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Which replicas run, and how they are."""
    state = _state(state_dir)
    overview = _ask(state, {"command": "status"}, timeout=ANSWER_WITHIN)
    if as_json:
        typer.echo(json.dumps(overview, indent=2))
        return
    services = overview["services"]
    console = new_console()
    console.print(overview_table(services, overview["servers"], width=console.width))
    for problem in overview["problems"]:
        console.print(f"✗ {problem}", style="red")
    shop = next((one["url"] for one in services if one["service"] == FRONT), "starting")
    _say(
        f"\nShop: {shop}\n"
        f"Together {megabytes(overview['memory'])}; {overview['stores']} stores.\n"
        f"Try next: {command_for(state.root, suggestion(services))}"
    )


@app.command()
def scale(
    service: Service,
    count: Annotated[int, typer.Argument(help="How many replicas.")],
    state_dir: StateDir = None,
) -> None:
    """Have COUNT replicas of a service."""
    find(by_name(SHOP), service)
    check_count(count)
    request: Message = {"command": "scale", "service": service, "count": count}
    state = _state(state_dir)
    answer = _ask(state, request, timeout=CHANGE_WITHIN)
    if not answer["ready"]:
        see = command_for(state.root, "status")
        raise CommandError(f"{service}: not all {count} are ready yet. See {see}")
    before, seconds = answer["before"], answer["seconds"]
    if count == before:
        _say(f"{service} has {count} {'replica' if count == 1 else 'replicas'} already.")
    else:
        how = "ready" if count > before else "stopped"
        _say(f"{service}: {before} → {count}, {how} after {seconds:.1f} s.")


@app.command()
def restart(service: Service, state_dir: StateDir = None) -> None:
    """Replace the replicas of a service one by one, losing no request."""
    find(by_name(SHOP), service)
    request: Message = {"command": "restart", "service": service}
    answer = _ask(_state(state_dir), request, timeout=CHANGE_WITHIN)
    _say(f"{service}: all replaced in {answer['seconds']:.1f} s.")


@app.command()
def migrate(state_dir: StateDir = None, stores: Stores = None) -> None:
    """Bring all stores to the newest schema (`up` does it too)."""
    settings = load_local(state_dir=state_dir, stores=stores)
    changes = asyncio.run(prepare_stores(SHOP, settings, _state(state_dir)))
    typer.echo("\n".join(changes) or "Every schema is the newest: nothing to do.")


@app.command()
def seed(state_dir: StateDir = None, stores: Stores = None) -> None:
    """Put the goods into the shop that it lacks (`up` does it too)."""
    settings = load_local(state_dir=state_dir, stores=stores)
    said = asyncio.run(prepare_stores(SHOP, settings, _state(state_dir), with_seed=True))
    typer.echo("\n".join(said))


@app.command()
def config(
    service: Annotated[str | None, typer.Argument(help="Default: the local run itself.")] = None,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Effective settings, secrets hidden: the run's or a service's."""
    state = _state(state_dir)
    settings = _settings_of_run(state) or load_local(state_dir=state_dir)
    if service is None:
        values = describe(settings)
    else:
        values = effective_values(find(by_name(SHOP), service), settings, state)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    typer.echo(aligned(values))


def main() -> None:
    """Run a command; whatever goes wrong is one sentence and an exit code."""
    try:
        # Without its own error pages: a wrong flag is one line, too.
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        code = _complain(_wrong_usage(error), code=2)
    except CommandError as error:
        code = _complain(str(error), code=error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        # Whoever read our output has enough. Nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _wrong_usage(error: typer.TyperException) -> str:
    """What is wrong with the command line, and where to look up what is right."""
    context: typer.Context | None = getattr(error, "ctx", None)
    flag = getattr(error, "option_name", "")
    if context and context.info_name == "scale" and (count := _negative_count(flag)):
        return impossible(count)
    sentence = error.format_message()
    if not sentence.endswith((".", "?")):
        sentence += "."
    command = f" {context.info_name}" if context and context.parent else ""
    return f"{sentence} Try: {this_command()}{command} --help"


def _negative_count(flag: str) -> int | None:
    """The number that was read as this flag, which nobody meant; of -12 the flag is -1."""
    numbers = [word for word in sys.argv if re.fullmatch(r"-\d+", word)]
    return next((int(word) for word in numbers if flag and word.startswith(flag)), None)


def _complain(sentence: str, *, code: int) -> int:
    typer.echo(wrapped(sentence, sys.stderr), err=True)
    return code


def _say(sentence: str) -> None:
    typer.echo(wrapped(sentence, sys.stdout))


def _state(state_dir: Path | None) -> StateFolder:
    return StateFolder.at(load_local(state_dir=state_dir).state_dir)


def _settings_of_run(state: StateFolder) -> LocalSettings | None:
    """What the shop that runs there was told; None when none runs."""
    if state.running_pid() is None:
        return None
    return LocalSettings(**_ask(state, {"command": "status"}, timeout=ANSWER_WITHIN)["settings"])


def _ask(state: StateFolder, request: Message, *, timeout: float) -> Message:
    if state.running_pid() is None:
        start = command_for(state.root, "up")
        raise CommandError(f"Nothing runs in {shown(state.root)}. To start it: {start}")
    return ask(state.control_socket, request, timeout=timeout)
