"""`cartwheel console`: a page that shows the shop live, turns the load, breaks it, says why."""

import logging
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.console.hosts import check_host, names_of
from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import display_path
from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import Message, send_command
from cartwheel.local.settings import load_local_settings
from cartwheel.local.sockets import OWN_HOST, CannotListen, ListeningSockets
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import FRONT_SERVICE
from cartwheel.printing import print_wrapped

commands = typer.Typer()

NAME = "console"
RESPONSE_TIMEOUT = 10.0
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@commands.command()
def console(
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the page (CARTWHEEL_PORT_CONSOLE; 8090).")
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen (127.0.0.1 and ::1).")] = OWN_HOST,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen where others can reach it.")
    ] = False,
    fd: Annotated[list[int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Show the shop live in a page, put load on it and break it."""
    settings = load_local_settings(state_dir=state_dir, port_console=port)
    check_host(host, allow_remote=allow_remote)
    state = StateFolder.at(settings.state_dir)
    status = _status(state)
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    if fd:
        # Started by the supervisor, which holds the sockets.
        _serve(state, status, [socket.socket(fileno=one) for one in fd], host=host)
    elif status.get("console"):
        print_wrapped(f"The console of this shop runs already: {status['console']['link']}")
    else:
        _serve_in_foreground(state, status, host=host, port=settings.port_console)


def _serve_in_foreground(state: StateFolder, status: Message, *, host: str, port: int) -> None:
    with closing(_listen(host, port)) as listening:
        print_wrapped(
            f"Console: {listening.url}/#token={state.console_token()}\n"
            "Ctrl-C stops it; the shop goes on."
        )
        _serve(state, status, listening.sockets, host=host)
        print_wrapped("Stopped.")


def _serve(
    state: StateFolder, status: Message, sockets: Sequence[socket.socket], *, host: str
) -> None:
    # Imported here: the list of options needs no server.
    from cartwheel.console.local_console import local_console
    from cartwheel.console.server.access import Access, hosts_of
    from cartwheel.console.server.serving import serve

    shop_url = next(
        (one["url"] for one in status["services"] if one["service"] == FRONT_SERVICE), None
    )
    access = Access(
        state.console_token(),
        hosts=hosts_of(names_of(host), sockets[0].getsockname()[1]),
        without_token=f"Open the link that this prints: {command_line(state.root, 'status')}",
    )
    serve(local_console(state, shop_url=shop_url), sockets, access)


def _status(state: StateFolder) -> Message:
    if state.running_pid() is None:
        start = command_line(state.root, "up")
        raise CommandError(f"Nothing runs in {display_path(state.root)}. To start it: {start}")
    return send_command(state.control_socket, {"command": "status"}, timeout=RESPONSE_TIMEOUT)


def _listen(host: str, port: int) -> ListeningSockets:
    try:
        return ListeningSockets(host, port, NAME)
    except CannotListen as error:
        raise UsageError(
            f"Port {port} for the console {error.reason}: choose another with --port."
        ) from None
