"""The commands of the local run: `cartwheel up`, `status`, `scale` and others."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import typer

from app.settings import describe
from cartwheel.errors import CommandError
from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import Message
from cartwheel.local.effective_settings import effective_settings
from cartwheel.local.foreground import run_in_foreground
from cartwheel.local.output import (
    autoscaler_line,
    fault_line,
    format_megabytes,
    status_table,
    suggested_command,
)
from cartwheel.local.run_client import send_to_run
from cartwheel.local.settings import LocalSettings, load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_setup import set_up_stores
from cartwheel.local.topology import FRONT_SERVICE, SHOP, by_name, check_replica_count, find_service
from cartwheel.printing import align, new_console, print_wrapped

commands = typer.Typer()

# In seconds. A scale or a restart includes the draining of replicas.
CHANGE_TIMEOUT = 120.0
RESPONSE_TIMEOUT = 10.0
STOP_TIMEOUT = 20.0

StateDir = Annotated[
    Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
]
Stores = Annotated[
    str | None, typer.Option(help="sqlite, or real: Valkey and Postgres (CARTWHEEL_STORES).")
]
PortOption = Annotated[int | None, typer.Option(help="Port of the service (default: see config).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Service = Annotated[str, typer.Argument(help=f"One of {', '.join(by_name(SHOP))}.")]


@commands.command()
def up(
    state_dir: StateDir = None,
    stores: Stores = None,
    autoscale: Annotated[
        str | None,
        typer.Option(help="cpu, requests, off, or an autoscaler's file (CARTWHEEL_AUTOSCALE)."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Where to listen (127.0.0.1 and ::1).")] = None,
    chaos: Annotated[
        bool | None,
        typer.Option("--chaos", help="Have what some faults need (CARTWHEEL_CHAOS)."),
    ] = None,
    console: Annotated[
        bool | None,
        typer.Option("--console/--no-console", help="Serve the console (CARTWHEEL_CONSOLE; yes)."),
    ] = None,
    port_console: PortOption = None,
    port_storefront: PortOption = None,
    port_products: PortOption = None,
    port_cart: PortOption = None,
    port_user: PortOption = None,
    port_tracking: PortOption = None,
) -> None:
    """Start the shop and stay in the foreground."""
    settings = load_local_settings(
        state_dir=state_dir,
        stores=stores,
        autoscale=autoscale,
        host=host,
        chaos=chaos,
        console=console,
        port_console=port_console,
        port_storefront=port_storefront,
        port_products=port_products,
        port_cart=port_cart,
        port_user=port_user,
        port_tracking=port_tracking,
    )
    run_in_foreground(SHOP, settings)


@commands.command()
def down(state_dir: StateDir = None) -> None:
    """Stop the shop that runs in another terminal."""
    state = _state(state_dir)
    started = time.monotonic()
    pid = send_to_run(state, {"command": "down"}, timeout=RESPONSE_TIMEOUT)["pid"]
    while state.running_pid() == pid:
        if time.monotonic() - started > STOP_TIMEOUT:
            raise CommandError(f"Still running after {STOP_TIMEOUT:g} s. To end it: kill -9 {pid}")
        time.sleep(0.05)
    print_wrapped(f"Stopped in {time.monotonic() - started:.1f} s.")


@commands.command()
def status(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Show the replicas of each service and their state."""
    state = _state(state_dir)
    shop_status = send_to_run(state, {"command": "status"}, timeout=RESPONSE_TIMEOUT)
    if as_json:
        typer.echo(json.dumps(shop_status, indent=2))
        return
    services = shop_status["services"]
    console = new_console()
    console.print(status_table(services, shop_status["servers"], width=console.width))
    for problem in shop_status["problems"]:
        console.print(f"✗ {problem}", style="red", markup=False)
    # A shop of an older version has none.
    for fault in shop_status.get("faults", []):
        console.print(f"! {fault_line(fault)}", style="yellow", markup=False)
    if shop_status["autoscaler"]:
        print_wrapped(f"\nAutoscaler: {autoscaler_line(shop_status['autoscaler'])}")
    hint = suggested_command(services, is_autoscaled=bool(shop_status["autoscaler"]))
    url = next((one["url"] for one in services if one["service"] == FRONT_SERVICE), "starting")
    print_wrapped(
        f"\nShop: {url}\n{_console_line(shop_status)}"
        f"Together {format_megabytes(shop_status['memory'])}; {shop_status['stores']} stores.\n"
        f"Try next: {command_line(state.root, hint)}"
    )


@commands.command()
def scale(
    service: Service,
    count: Annotated[int, typer.Argument(help="How many replicas.")],
    state_dir: StateDir = None,
) -> None:
    """Have COUNT replicas of a service."""
    request: Message = {"command": "scale", "service": service, "count": count}
    state = _state(state_dir)
    _check_if_nothing_runs(state, service, count)
    response = send_to_run(state, request, timeout=CHANGE_TIMEOUT)
    if response["desired"] != count:
        print_wrapped(f"{service}: its autoscaler has made it {response['desired']} since.")
        return
    if not response["ready"]:
        see = command_line(state.root, "status")
        raise CommandError(f"{service}: not all {count} are ready yet. See {see}")
    before, seconds = response["before"], response["seconds"]
    if count == before:
        print_wrapped(f"{service} has {count} {'replica' if count == 1 else 'replicas'} already.")
    else:
        how = "ready" if count > before else "stopped"
        print_wrapped(f"{service}: {before} → {count}, {how} after {seconds:.1f} s.")
    if response["is_autoscaled"]:
        print_wrapped(_about_autoscaler(state, service, count))


@commands.command()
def restart(service: Service, state_dir: StateDir = None) -> None:
    """Replace a service's replicas one by one, losing no request."""
    request: Message = {"command": "restart", "service": service}
    state = _state(state_dir)
    _check_if_nothing_runs(state, service)
    response = send_to_run(state, request, timeout=CHANGE_TIMEOUT)
    print_wrapped(f"{service}: all replaced in {response['seconds']:.1f} s.")


@commands.command()
def migrate(state_dir: StateDir = None, stores: Stores = None) -> None:
    """Migrate all stores to the newest schema (`up` does it too)."""
    settings = load_local_settings(state_dir=state_dir, stores=stores)
    changes = asyncio.run(set_up_stores(SHOP, settings, _state(state_dir)))
    typer.echo("\n".join(changes) or "Every schema is up to date: nothing to do.")


@commands.command()
def seed(state_dir: StateDir = None, stores: Stores = None) -> None:
    """Add the goods that the shop lacks (`up` does it too)."""
    settings = load_local_settings(state_dir=state_dir, stores=stores)
    output = asyncio.run(set_up_stores(SHOP, settings, _state(state_dir), with_seed=True))
    typer.echo("\n".join(output))


@commands.command()
def config(
    service: Annotated[
        str | None, typer.Argument(help="A service; default: the local run itself.")
    ] = None,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Show the settings of the run or a service, secrets hidden."""
    state = _state(state_dir)
    settings = _settings_of_run(state) or load_local_settings(state_dir=state_dir)
    if service is None:
        values = describe(settings)
    else:
        values = effective_settings(find_service(by_name(SHOP), service), settings, state)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    typer.echo(align(values))


def _console_line(shop_status: Message) -> str:
    console = shop_status.get("console")
    return f"Console: {console['link']}\n" if console else ""


def _about_autoscaler(state: StateFolder, service: str, count: int) -> str:
    """What becomes of a count that was set by hand."""
    if not count:
        again = command_line(state.root, f"scale {service} 1")
        return f"Without a replica its autoscaler decides nothing. To go on: {again}"
    off = command_line(state.root, "up --autoscale off")
    return f"Its autoscaler goes on and corrects the number. Without it: {off}"


def _state(state_dir: Path | None) -> StateFolder:
    return StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)


def _settings_of_run(state: StateFolder) -> LocalSettings | None:
    """The settings of the running shop; None when none runs."""
    if state.running_pid() is None:
        return None
    return LocalSettings(
        **send_to_run(state, {"command": "status"}, timeout=RESPONSE_TIMEOUT)["settings"]
    )


def _check_if_nothing_runs(state: StateFolder, service: str, count: int = 0) -> None:
    """Check the arguments here when no supervisor runs that would. Raises `UsageError`."""
    if state.running_pid() is None:
        find_service(by_name(SHOP), service)
        check_replica_count(count)
