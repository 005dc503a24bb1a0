"""Services as real processes, on free ports."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 20.0
STOPPED_WITHIN = 15.0


class ServiceProcess:
    """One replica: `python -m app.server` with inherited listening sockets."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self._process = process
        self._log = log
        self.url = url

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Its output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def exited(self, *, within: float = STOPPED_WITHIN) -> int:
        """Its exit code; raises AssertionError when it still runs after `within` seconds."""
        deadline = time.monotonic() + within
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline, f"still running after {within} s:\n{self.output}"
            await asyncio.sleep(0.02)
        return code

    async def stop(self, *, within: float = STOPPED_WITHIN) -> int:
        """Send SIGTERM and wait for the exit code."""
        self.signal(signal.SIGTERM)
        return await self.exited(within=within)

    async def ready(self, *, within: float = READY_WITHIN) -> None:
        """Return when `/readyz` answers 200."""
        deadline = time.monotonic() + within
        async with httpx2.AsyncClient(timeout=2.0) as client:
            while True:
                assert self._process.poll() is None, f"ended before it was ready:\n{self.output}"
                assert time.monotonic() < deadline, f"not ready in {within} s:\n{self.output}"
                try:
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.02)

    def end(self) -> None:
        """Kill it, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback that children may inherit."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def launch(
    factory: str,
    env: Mapping[str, str],
    listeners: Sequence[socket.socket],
    log: Path,
    *,
    open_files: int | None = None,
    within: Sequence[str] = (),
) -> ServiceProcess:
    """Start `factory` ("services.cart.main:create") on `listeners`, not waiting for it.

    The first is the service's, which replicas share; the others are this replica's own. Without
    any it listens where `env` says, as in a container. `open_files` is the limit of its
    descriptors (`ulimit -n`). `within` is a command that runs another one somewhere else.
    """
    limited = [] if open_files is None else ["sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh"]
    descriptors = [listener.fileno() for listener in listeners]
    flags = [f"--fd={fd}" for fd in descriptors[:1]] + [f"--own-fd={fd}" for fd in descriptors[1:]]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*within, *limited, sys.executable, "-m", "app.server", factory, *flags],
            cwd=ROOT,
            env={**inherited, "PYTHONUNBUFFERED": "1", **env},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = url_of(listeners[-1]) if listeners else f"http://127.0.0.1:{env['CARTWHEEL_PORT']}"
    return ServiceProcess(process, url, log)


@asynccontextmanager
async def start_service(
    service: str,
    env: Mapping[str, str],
    *,
    folder: Path,
    factory: str | None = None,
    listener: socket.socket | None = None,
    within: Sequence[str] = (),
    wait: bool = True,
) -> AsyncIterator[ServiceProcess]:
    """One replica of `service` for the length of the block; ready unless `wait` is false.

    `folder` (a `tmp_path`) gets its output. `listener` is a socket to share with others and to
    start again on; without one, the replica gets a port of its own.
    """
    own = listener or listen()
    log = folder / f"{service}-{time.monotonic_ns()}.log"
    factory = factory or f"services.{service}.main:create"
    replica = launch(factory, env, [own], log, within=within)
    try:
        if wait:
            await replica.ready()
        yield replica
    finally:
        replica.end()
        if listener is None:
            own.close()
