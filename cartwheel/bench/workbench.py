"""Where a bench runs: its processes, cores and temporary folder; all end with the block."""

import asyncio
import dataclasses
import json
import os
import socket
import sys
import tempfile
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cartwheel.bench.cores import Cores, pin, pin_tree, release
from cartwheel.bench.load_generator import Load, LoadResult
from cartwheel.bench.usage import process_tree
from cartwheel.errors import CommandError, UsageError
from cartwheel.local.child_processes import PROJECT, ChildProcesses, run_to_completion
from cartwheel.local.sockets import listen_on_free_port, port_of

START_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0
# Of a program that does not start.
KEPT_LINES = 20


@dataclass(frozen=True)
class Checkout:
    """A folder with Cartwheel, and the Python that runs it."""

    folder: Path = PROJECT
    python: str = sys.executable

    @classmethod
    def at(cls, folder: Path) -> "Checkout":
        """Raises `UsageError`."""
        folder = folder.expanduser().absolute()
        python = folder / ".venv/bin/python"
        if not (folder / "app/server.py").is_file() or not python.exists():
            raise UsageError(
                f"{folder} is no checkout of Cartwheel with an environment in .venv: "
                "run make there first."
            )
        return cls(folder, str(python))


THIS = Checkout()


@dataclass
class Server:
    """A running server. `pids` are the processes whose CPU and memory count as its own."""

    name: str
    port: int
    process: Process
    output: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    own_pids: Sequence[int] = ()

    @property
    def pids(self) -> Sequence[int]:
        return self.own_pids or process_tree(self.process.pid)

    @property
    def has_ended(self) -> bool:
        return self.process.returncode is not None

    def failure(self) -> str:
        """What it printed last, to be shown in an error."""
        return next((line for line in reversed(self.output) if line.strip()), "it printed nothing")


class Workbench:
    """Starts what a bench needs. Use `open_workbench`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cores = Cores.choose()
        self.processes = ChildProcesses()
        self._drains: dict[int, asyncio.Task[None]] = {}

    async def start(
        self,
        name: str,
        *command: str,
        environment: Mapping[str, str],
        port: int = 0,
        on_server_core: bool = False,
        descriptors: Sequence[int] = (),
        folder: Path = PROJECT,
    ) -> Server:
        """Start a program that stops with the workbench."""
        try:
            process = await self.processes.start(
                *command, environment=environment, descriptors=descriptors, folder=folder
            )
        except OSError as error:
            raise CommandError(f"{name} could not be started ({error.strerror}).") from error
        if on_server_core:
            pin(process.pid, self.cores.server)
        server = Server(name, port, process)
        self._drains[process.pid] = asyncio.create_task(_keep_last_lines(process, server.output))
        return server

    async def start_server(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        environment: Mapping[str, str],
        folder: Path = PROJECT,
    ) -> Server:
        """Start a server on a socket that it inherits; ``command`` gets its descriptor."""
        with listen_on_free_port() as listener:
            # Servers set this on sockets that they open; connections inherit it.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = listener.fileno()
            return await self.start(
                name,
                *command(number),
                environment=environment,
                port=port_of(listener),
                on_server_core=True,
                descriptors=[number],
                folder=folder,
            )

    async def load(self, load: Load) -> LoadResult:
        """Run the load generator, in a process beside the server."""
        command = ("-m", "cartwheel.bench.load_generator")
        code, output = await run_to_completion(
            self.processes,
            (sys.executable, *command),
            environment=os.environ,
            stdin=json.dumps(dataclasses.asdict(load)),
        )
        if code:
            reason = output.splitlines()[-1:] or ["no reason given"]
            raise CommandError(f"The load generator failed: {reason[0]}")
        return LoadResult(**json.loads(output))

    async def stop(self, server: Server) -> None:
        """Stop a server and what it started: it gets SIGTERM, and SIGKILL if that does not help."""
        if server.process.returncode is None:
            with suppress(ProcessLookupError):
                server.process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await server.process.wait()
        except TimeoutError:
            server.process.kill()
            await server.process.wait()

    def pin_server(self, server: Server) -> None:
        """Pin again: threads that a program started before it was pinned are elsewhere."""
        pin_tree(server.process.pid, self.cores.server)

    def release_cores(self, servers: Iterable[Server]) -> None:
        """Let these run on both cores; so will what they start."""
        for server in servers:
            release(server.process.pid, self.cores)

    async def wait_for_end(self, server: Server) -> None:
        """Return when the program has ended and all of its output has been read."""
        await self._drains[server.process.pid]

    async def close(self) -> None:
        self.processes.kill_all()
        if self._drains:
            await asyncio.wait(self._drains.values(), timeout=STOP_TIMEOUT)


@asynccontextmanager
async def open_workbench() -> AsyncIterator[Workbench]:
    """A workbench whose processes and files are gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-bench-") as folder:
        workbench = Workbench(Path(folder))
        # A Postgres that root starts runs as another user, who must get through.
        workbench.folder.chmod(0o711)
        # What this process starts inherits its core.
        pin(os.getpid(), workbench.cores.others)
        try:
            yield workbench
        finally:
            await workbench.close()


def plain_environment(**variables: str) -> dict[str, str]:
    """The environment of a server: the person's own settings of Cartwheel do not count."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CARTWHEEL_") and name != "PYTHONPATH"
    }
    return {**own, "PYTHONUNBUFFERED": "1", **variables}


async def _keep_last_lines(process: Process, lines: deque[str]) -> None:
    assert process.stdout is not None
    with suppress(ValueError):
        async for line in process.stdout:
            lines.append(line.decode(errors="replace").rstrip())
    await process.wait()
