"""Supervisors and `cartwheel` commands as real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psutil

from cartwheel.local.control_socket import send_command

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_SHOP = ("-m", "tests.cartwheel.sample_supervisor")
TIMEOUT = 60.0  # seconds; long, for a busy machine
SERVICES = ("storefront", "products", "cart", "user", "tracking")


def eventually(condition: Callable[[], Found | None], *, within: float = TIMEOUT) -> Found:
    """Call the function until its result is true; returns the result."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)
    return found


def environment(state: Path, **more: str) -> dict[str, str]:
    """An environment with free ports, this state folder, no autoscaler and no other setting."""
    outer = {name: value for name, value in os.environ.items() if "CARTWHEEL" not in name}
    ports = {f"CARTWHEEL_PORT_{name.upper()}": "0" for name in SERVICES}
    own = {"CARTWHEEL_STATE_DIR": str(state), "CARTWHEEL_AUTOSCALE": "off"}
    own |= {"CARTWHEEL_CONSOLE": "off", "CARTWHEEL_PORT_CONSOLE": "0"}
    return {**outer, **ports, **own, **more}


def command(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a `cartwheel` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cartwheel", *arguments],
        cwd=ROOT,
        env=environment(state, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class SupervisorProcess:
    """A running supervisor, in the foreground of its own process."""

    def __init__(self, process: subprocess.Popen[bytes], state: Path, output: Path) -> None:
        self.process = process
        self.state = state
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command(self.state, *arguments)

    def wait_for_line(self, pattern: str) -> str:
        """Wait for a line of output that matches; returns it."""

        def look() -> str | None:
            found = re.search(f"^.*{pattern}.*$", self.output, re.MULTILINE)
            assert found or self.process.poll() is None, f"it ended and printed:\n{self.output}"
            return found and found[0]

        return eventually(look)

    def ready(self) -> "SupervisorProcess":
        self.wait_for_line("^Ready after")
        return self

    def status(self) -> dict[str, Any]:
        """The response behind `cartwheel status`, without the cost of another process."""
        return send_command(self.state / "control.sock", {"command": "status"}, timeout=10)

    def service(self, name: str) -> dict[str, Any]:
        found = next(one for one in self.status()["services"] if one["service"] == name)
        assert isinstance(found, dict)
        return found

    def replicas(self, name: str = "cart") -> list[dict[str, Any]]:
        replicas: list[dict[str, Any]] = self.service(name)["replicas"]
        return replicas

    def endpoints(self, name: str = "cart") -> set[str]:
        """The names in the endpoints file."""
        groups = json.loads((self.state / "endpoints" / f"{name}.json").read_text())
        return {group["labels"]["instance"] for group in groups}

    def scale_cart(self, count: int) -> list[dict[str, Any]]:
        """Scale the cart and wait until all its replicas are ready; returns them."""
        request = {"command": "scale", "service": "cart", "count": count}
        assert send_command(self.state / "control.sock", request, timeout=TIMEOUT)["ready"]
        eventually(lambda: len(self.endpoints()) == count)
        return self.replicas()

    def cart(self, name: str) -> dict[str, Any]:
        """The current state of the cart replica of that name."""
        return next(one for one in self.replicas() if one["replica"] == name)

    def crash(self, name: str, *, code: int = 1) -> None:
        """Crash a replica; returns when the supervisor has noticed."""
        before = self.cart(name)
        self.post(before, f"crash?code={code}")
        eventually(lambda: self.cart(name)["restarts"] > before["restarts"])

    def post(self, replica: Mapping[str, Any], path: str) -> None:
        """Send a request to a replica, which may not live to respond."""
        with suppress(httpx2.TransportError):
            httpx2.post(f"http://127.0.0.1:{replica['port']}/v1/{path}", timeout=2.0)

    def children(self) -> list[psutil.Process]:
        """Every process that the supervisor started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def exit_code(self, *, within: float = TIMEOUT) -> int:
        return self.process.wait(within)


@contextmanager
def running(
    state: Path,
    program: Sequence[str] = SAMPLE_SHOP,
    *,
    output: Path,
    piped: bool = False,
    **more: str,
) -> Iterator[SupervisorProcess]:
    """Start a supervisor, and stop it at the end of the block.

    ``piped`` sends its output through a pipe to another process, which writes the file.
    """
    with output.open("wb") as file:
        # Ends when the last writer of the pipe has closed it.
        copier = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) if piped else None
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT,
            env=environment(state, **more),
            stdin=subprocess.DEVNULL,
            stdout=copier.stdin if copier else file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield SupervisorProcess(process, state, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        if copier:
            copier.communicate()
