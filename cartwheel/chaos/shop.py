"""The shop that faults act on: the running one, or one of its own.

    with open_shop(state, stores="real", announce=print_wrapped) as shop:
        shop.url, shop.status(), shop.scale("cart", 3), shop.restart("cart")

The calls block; in an event loop use `asyncio.to_thread`. Only the block itself belongs in the main
thread: on Linux a child dies with the thread that started it.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from cartwheel.errors import CommandError
from cartwheel.local.child_processes import DIE_WITH_PARENT, PROJECT
from cartwheel.local.control_socket import send_command
from cartwheel.local.signals import handled_at_once, numbers_of_stop_signals
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import FRONT_SERVICE, SHOP

StoreSet = Literal["sqlite", "real"]

RESPONSE_TIMEOUT = 10.0
CHANGE_TIMEOUT = 120.0
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
POLL_INTERVAL = 0.1
OUTPUT_FILE = "supervisor.log"
STAFF_EMAIL, STAFF_PASSWORD = "staff@chaos.example", "a wheel within a wheel"
# All shoppers have one address; limits of what one address may do would hide what faults do.
NO_LIMIT = "60000"
OWN_SETTINGS: Mapping[str, str] = {
    "CARTWHEEL_AUTOSCALE": "off",
    "CARTWHEEL_CHAOS": "true",
    "CARTWHEEL_CONSOLE": "off",
    # An order that stands still is taken up after a minute; no run should wait for that.
    "CARTWHEEL_STALL_SECONDS": "10",
    "CARTWHEEL_GUESTS_PER_ADDRESS": NO_LIMIT,
    "CARTWHEEL_REGISTRATIONS_PER_ADDRESS": NO_LIMIT,
    "CARTWHEEL_PASSWORD_ATTEMPTS_PER_ACCOUNT": NO_LIMIT,
    "CARTWHEEL_FAILED_PASSWORDS_PER_ADDRESS": NO_LIMIT,
    "CARTWHEEL_STAFF_EMAIL": STAFF_EMAIL,
    "CARTWHEEL_STAFF_PASSWORD": STAFF_PASSWORD,
    "CARTWHEEL_PORT_CONSOLE": "0",
    **{f"CARTWHEEL_PORT_{spec.name.upper()}": "0" for spec in SHOP},
}

Status = Mapping[str, Any]


@dataclass(frozen=True)
class Shop:
    """A running shop. ``url`` is its storefront's. One that was started here ``is_own``.

    ``has_chaos``: it was started with `--chaos`.
    """

    state: StateFolder
    url: str
    stores: StoreSet
    is_own: bool
    has_chaos: bool

    def status(self) -> Status:
        """What `cartwheel status --json` prints. Raises `CommandError`."""
        return _status(self.state)

    def services(self) -> Mapping[str, Status]:
        """The services of the status by name."""
        return {one["service"]: one for one in self.status()["services"]}

    def scale(self, service: str, count: int) -> None:
        """Return when so many replicas are ready. Raises `CommandError`."""
        request = {"command": "scale", "service": service, "count": count}
        if not send_command(self.state.control_socket, request, timeout=CHANGE_TIMEOUT)["ready"]:
            raise CommandError(f"{service}: not all {count} replicas get ready.")

    def restart(self, service: str) -> None:
        """Return when all replicas have been replaced. Raises `CommandError`."""
        request = {"command": "restart", "service": service}
        send_command(self.state.control_socket, request, timeout=CHANGE_TIMEOUT)


def find_shop(state: StateFolder) -> Shop | None:
    """The one that runs in this state folder; None without one that is ready to be used."""
    try:
        status = _status(state)
    except CommandError:
        return None
    return _shop_of(state, status, is_own=False)


@contextmanager
def open_shop(
    state: StateFolder,
    *,
    stores: StoreSet | None = None,
    announce: Callable[[str], None] = lambda _: None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Shop]:
    """The shop that runs in this state folder; with ``stores``, or if none runs, one of its own.

    Raises `CommandError`.
    """
    running = find_shop(state) if stores is None else None
    with (
        _unwound_by_signals(),
        nullcontext(running) if running else _announced(stores, announce, settings) as shop,
    ):
        yield shop


@contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP leave the block as Ctrl-C does, so that what was started is stopped."""

    def leave(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for number in numbers_of_stop_signals() if number != signal.SIGINT]
    with handled_at_once(dict.fromkeys(numbers, leave)):
        yield


@contextmanager
def own_shop(
    stores: StoreSet = "sqlite",
    *,
    settings: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Iterator[Shop]:
    """Start a shop on free ports with a temporary state folder, and stop it with the block.

    Its rate limits are high, its autoscaler is off, it was started with `--chaos`, and it has the
    account of `STAFF_EMAIL`.
    ``settings`` are more variables of its environment, ``flags`` more flags of `cartwheel up`.
    Raises `CommandError` if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="cartwheel-chaos-", ignore_cleanup_errors=True) as name:
        # A Postgres that root starts runs as another user, who must get through.
        Path(name).chmod(0o711)
        state = StateFolder.at(Path(name) / "state")
        output = Path(name) / OUTPUT_FILE
        environment = _environment(state, stores, settings or {})
        with _child(["-m", "cartwheel", "up", *flags], environment, output) as process:
            yield _wait_until_ready(process, state, output)


@contextmanager
def _announced(
    stores: StoreSet | None,
    announce: Callable[[str], None],
    settings: Mapping[str, str] | None,
) -> Iterator[Shop]:
    stores = stores or "sqlite"
    announce(f"Starting a shop of its own, with {_described(stores)}; it is stopped at the end.")
    with own_shop(stores, settings=settings) as shop:
        yield shop


def _described(stores: StoreSet) -> str:
    return "Valkey and Postgres" if stores == "real" else "SQLite"


def _environment(
    state: StateFolder, stores: StoreSet, settings: Mapping[str, str]
) -> Mapping[str, str]:
    """The person's own settings of Cartwheel do not count."""
    outer = {name: value for name, value in os.environ.items() if "CARTWHEEL" not in name}
    own = {"CARTWHEEL_STATE_DIR": str(state.root), "CARTWHEEL_STORES": stores}
    return {**outer, "PYTHONUNBUFFERED": "1", **OWN_SETTINGS, **own, **settings}


@contextmanager
def _child(
    arguments: Sequence[str], environment: Mapping[str, str], output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python that ends with this process, whatever the cause; Ctrl-C does not reach it."""
    # Never written. Where no signal tells of a parent's death, its end does.
    lifeline, kept_open = os.pipe()
    inherited = -1 if sys.platform == "linux" else lifeline
    with output.open("wb") as file:
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(DIE_WITH_PARENT)),
                *map(str, (os.getpid(), inherited, -1, -1, -1)),
                *(sys.executable, *arguments),
            ],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=[] if inherited < 0 else [inherited],
            process_group=0,
        )
    os.close(lifeline)
    try:
        yield process
    finally:
        _stop(process)
        os.close(kept_open)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """In order first: a Postgres that is killed leaves shared memory behind."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], state: StateFolder, output: Path) -> Shop:
    """Raises `CommandError`."""
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(CommandError, OSError, ValueError, http.client.HTTPException):
            status = _status(state)
            shop = _shop_of(state, status, is_own=True)
            is_open = state.fault_socket.exists() and is_ready(status)
            if shop is not None and is_open and _sells(shop.url):
                return shop
        time.sleep(POLL_INTERVAL)
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    raise CommandError(f"The shop does not start: {lines[-1] if lines else 'it prints nothing'}")


def _shop_of(state: StateFolder, status: Status, *, is_own: bool) -> Shop | None:
    """None while it starts."""
    for service in status["services"]:
        if service["service"] == FRONT_SERVICE:
            has_chaos = bool(status["settings"].get("chaos"))
            return Shop(state, service["url"], status["stores"], is_own, has_chaos)
    return None


def is_ready(status: Status) -> bool:
    """Whether each service has as many ready replicas as it must have."""
    return all(one["ready"] >= max(one["desired"], 1) for one in status["services"])


def _sells(url: str) -> bool:
    """Whether there are products: a new shop is filled while its services start."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=RESPONSE_TIMEOUT)
    try:
        connection.request("GET", "/api/products/v1/products?limit=1")
        response = connection.getresponse()
        return response.status == HTTPStatus.OK and bool(json.loads(response.read())["items"])
    finally:
        connection.close()


def _status(state: StateFolder) -> Status:
    """Raises `CommandError`."""
    if state.running_pid() is None:
        raise CommandError("Nothing runs.")
    return send_command(state.control_socket, {"command": "status"}, timeout=RESPONSE_TIMEOUT)
