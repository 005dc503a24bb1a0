"""`cartwheel console`: a page that shows the shop live, turns the load, breaks it, says why."""

import fcntl
import logging
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cartwheel.console.hosts import check_host, is_loopback, names_of
from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import display_path
from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import Message, send_command
from cartwheel.local.settings import load_local_settings
from cartwheel.local.sockets import OWN_HOST, CannotListen, ListeningSockets
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import FRONT_SERVICE
from cartwheel.printing import print_wrapped

if TYPE_CHECKING:
    from cartwheel.console.server import Contents

commands = typer.Typer()

NAME = "console"
RUNS_ALREADY = "The console of this shop runs already: {link}"
PLAIN_HTTP = (
    "Others can reach it, and the token of this link goes over plain HTTP: whoever can read that "
    "traffic can change the shop."
)
RESPONSE_TIMEOUT = 10.0
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Where:
    """Where to listen; ``folder`` is the state folder. ``is_chosen``: by options."""

    host: str
    port: int
    folder: Path
    is_chosen: bool


@commands.command()
def console(
    recording: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A saved session to replay; default: the shop."),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the page (CARTWHEEL_PORT_CONSOLE; 8090).")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Where to listen (127.0.0.1 and ::1).")] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen where others can reach it.")
    ] = False,
    context: Annotated[
        str | None, typer.Option(help="Show a cluster: a context of kubectl's configuration.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Namespace of the cluster.")
    ] = None,
    fd: Annotated[list[int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Show the shop live in a page, put load on it and break it."""
    settings = load_local_settings(state_dir=state_dir, port_console=port)
    check_host(host or OWN_HOST, allow_remote=allow_remote)
    state = StateFolder.at(settings.state_dir)
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    is_chosen = host is not None or port is not None
    where = Where(host or OWN_HOST, settings.port_console, state.root, is_chosen=is_chosen)
    is_cluster = context is not None or namespace is not None
    if recording is not None and is_cluster:
        raise UsageError("A recording and a cluster cannot be shown at once: leave out one.")
    if recording is not None:
        _show_recording(recording, where)
    elif is_cluster:
        _show_cluster(state, where, context=context, namespace=namespace)
    else:
        _show_shop(state, where, inherited=fd or [])


def _show_recording(file: Path, where: Where) -> None:
    # Imported here, as below: the list of options needs no server.
    from cartwheel.console.replay import recorded_console

    _serve_read_only(recorded_console(file), where)


def _show_cluster(
    state: StateFolder, where: Where, *, context: str | None, namespace: str | None
) -> None:
    from cartwheel.console.cluster_console import cluster_console

    with cluster_console(state, context=context, namespace=namespace) as contents:
        _serve_read_only(contents, where)


def _show_shop(state: StateFolder, where: Where, *, inherited: Sequence[int]) -> None:
    status = _status(state)
    token = state.console_token()
    if inherited:
        # Started by the supervisor, which holds the sockets.
        sockets = [socket.socket(fileno=one) for one in inherited]
        _serve(_local_console(state, status), sockets, where, token=token)
    elif status.get("console"):
        start = command_line(state.root, "up --no-console")
        way = f"start the shop without it: {start}"
        _point_to(status["console"]["link"], where, way=way)
    else:
        _show_by_hand(state, status, where, token=token)


def _show_by_hand(state: StateFolder, status: Message, where: Where, *, token: str) -> None:
    """Unless another one runs: two would both write the history, and mark each fault twice."""
    fragment = f"/#token={token}"
    with state.console_url.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            _point_to(f"{file.read()}{fragment}", where, way="stop that one first.")
            return
        with _listening(where, fragment=fragment, then="The shop goes on.") as opened:
            file.truncate(0)
            file.write(opened.url)
            file.flush()
            _serve(_local_console(state, status), opened.sockets, where, token=token)


def _point_to(link: str, where: Where, *, way: str) -> None:
    """Name the console that runs. Raises `UsageError` if it was wanted at another address."""
    runs = RUNS_ALREADY.format(link=link)
    if where.is_chosen:
        raise UsageError(f"{runs}. For one with another host or port, {way}")
    print_wrapped(runs)


def _local_console(state: StateFolder, status: Message) -> "Contents":
    from cartwheel.console.local_console import local_console

    shop_url = next(
        (one["url"] for one in status["services"] if one["service"] == FRONT_SERVICE), None
    )
    return local_console(state, shop_url=shop_url)


def _serve_read_only(contents: "Contents", where: Where) -> None:
    """Nothing can be changed: nobody gets the token."""
    with _listening(where, then="It changes nothing.") as opened:
        _serve(contents, opened.sockets, where, token=secrets.token_urlsafe())


@contextmanager
def _listening(where: Where, *, then: str, fragment: str = "") -> Iterator[ListeningSockets]:
    """Listen in the foreground of a terminal. Raises `UsageError`."""
    try:
        listening = ListeningSockets(where.host, where.port, NAME)
    except CannotListen as error:
        raise UsageError(
            f"Port {where.port} for the console {error.reason}: choose another with --port."
        ) from None
    with closing(listening):
        print_wrapped(f"Console: {listening.url}{fragment}\nCtrl-C stops it. {then}")
        if fragment and not is_loopback(where.host):
            print_wrapped(PLAIN_HTTP)
        yield listening
        print_wrapped("Stopped.")


def _serve(
    contents: "Contents", sockets: Sequence[socket.socket], where: Where, *, token: str
) -> None:
    from cartwheel.console.server.access import Access, hosts_of
    from cartwheel.console.server.serving import serve

    access = Access(
        token,
        hosts=hosts_of(names_of(where.host), sockets[0].getsockname()[1]),
        without_token=contents.session().read_only_reason
        or f"Open the link that this prints: {command_line(where.folder, 'status')}",
    )
    serve(contents, sockets, access)


def _status(state: StateFolder) -> Message:
    if state.running_pid() is None:
        start = command_line(state.root, "up")
        raise CommandError(f"Nothing runs in {display_path(state.root)}. To start it: {start}")
    return send_command(state.control_socket, {"command": "status"}, timeout=RESPONSE_TIMEOUT)
