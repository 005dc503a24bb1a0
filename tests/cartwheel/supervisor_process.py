"""Supervisors and commands as real processes."""

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

from cartwheel.local.control_socket import ask

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ("-m", "tests.cartwheel.sample_shop")
WITHIN = 60.0  # seconds: generous, for a busy machine
SERVICES = ("storefront", "products", "cart", "user", "tracking")


def eventually(what: Callable[[], Found | None], *, within: float = WITHIN) -> Found:
    """What the function gives as soon as that is something."""
    deadline = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)
    return found


def environment(state: Path, **more: str) -> dict[str, str]:
    """Ports from the kernel, a state folder of one's own, nothing from the person's shell."""
    outer = {name: value for name, value in os.environ.items() if "CARTWHEEL" not in name}
    ports = {f"CARTWHEEL_PORT_{name.upper()}": "0" for name in SERVICES}
    return {**outer, **ports, "CARTWHEEL_STATE_DIR": str(state), **more}


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


class Run:
    """One supervisor in the foreground of its own process."""

    def __init__(self, process: subprocess.Popen[bytes], state: Path, output: Path) -> None:
        self.process = process
        self.state = state
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command(self.state, *arguments)

    def says(self, pattern: str) -> str:
        """Wait for a line that matches; returns it."""

        def look() -> str | None:
            found = re.search(f"^.*{pattern}.*$", self.output, re.MULTILINE)
            assert found or self.process.poll() is None, f"it ended and said:\n{self.output}"
            return found and found[0]

        return eventually(look)

    def ready(self) -> "Run":
        self.says("^Ready after")
        return self

    def overview(self) -> dict[str, Any]:
        """What `cartwheel status` is made of, without the price of a process."""
        return ask(self.state / "control.sock", {"command": "status"}, timeout=10)

    def service(self, name: str) -> dict[str, Any]:
        found = next(one for one in self.overview()["services"] if one["service"] == name)
        assert isinstance(found, dict)
        return found

    def replicas(self, name: str = "cart") -> list[dict[str, Any]]:
        replicas: list[dict[str, Any]] = self.service(name)["replicas"]
        return replicas

    def endpoints(self, name: str = "cart") -> set[str]:
        """Who can be called, by name."""
        groups = json.loads((self.state / "endpoints" / f"{name}.json").read_text())
        return {group["labels"]["instance"] for group in groups}

    def scaled(self, count: int) -> list[dict[str, Any]]:
        """Have so many carts, all ready; returns them."""
        request = {"command": "scale", "service": "cart", "count": count}
        assert ask(self.state / "control.sock", request, timeout=WITHIN)["ready"]
        eventually(lambda: len(self.endpoints()) == count)
        return self.replicas()

    def cart(self, name: str) -> dict[str, Any]:
        """The replica of that name as it is now."""
        return next(one for one in self.replicas() if one["replica"] == name)

    def crash(self, name: str, *, code: int = 1) -> None:
        """End a replica's process from inside; returns when that was noticed."""
        before = self.cart(name)
        self.post(before, f"crash?code={code}")
        eventually(lambda: self.cart(name)["restarts"] > before["restarts"])

    def post(self, replica: Mapping[str, Any], path: str) -> None:
        """Ask a replica for trouble; it may not live to answer."""
        with suppress(httpx2.TransportError):
            httpx2.post(f"http://127.0.0.1:{replica['port']}/v1/{path}", timeout=2.0)

    def family(self) -> list[psutil.Process]:
        """Every process that it started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def exit_code(self, *, within: float = WITHIN) -> int:
        return self.process.wait(within)


@contextmanager
def running(
    state: Path,
    program: Sequence[str] = STANDIN,
    *,
    output: Path,
    piped: bool = False,
    **more: str,
) -> Iterator[Run]:
    """Start a supervisor; whatever is left of it at the end is killed.

    ``piped`` has somebody else write its output: it writes no file but its own.
    """
    with output.open("wb") as file:
        # Ends when the last one who could write is gone.
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
        yield Run(process, state, output)
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
