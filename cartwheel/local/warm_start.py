"""Starts replicas from a process that has imported their code (`warm_parent`).

Whatever goes wrong with it, a replica can be started in the ordinary way instead.
"""

import asyncio
import ctypes
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol

from cartwheel.errors import describe_error
from cartwheel.local.child_processes import PROJECT, Child, ChildProcesses
from cartwheel.local.events import EventSink
from cartwheel.local.topology import ServiceSpec
from cartwheel.local.warm_parent import LENGTH

READY_TIMEOUT = 10.0
FORK_TIMEOUT = 5.0
LAUNCH_INTERVAL = 10.0
"""Seconds from one launch of the parent process to the next."""
PR_SET_CHILD_SUBREAPER = 36
NO_RESPONSE = "the warm parent does not respond"
# Room for the command line of a replica.
PADDING = "." * 256
# What `app.server` imports while it starts.
SERVER_MODULES = ("app.server", "uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvloop")


class Unavailable(Exception):
    """The warm parent cannot fork this replica; the message says why."""


class ReplicaStart(Protocol):
    """A faster way to start a replica, if there is one."""

    async def start(
        self,
        factory: str,
        *,
        environment: Mapping[str, str],
        own: socket.socket,
        shared: Sequence[int],
    ) -> Child | None:
        """Start a replica; None if it has to be started in the ordinary way."""
        ...


class NoWarmStart:
    """Every replica is started in the ordinary way."""

    async def start(
        self,
        _factory: str,
        *,
        environment: Mapping[str, str],
        own: socket.socket,
        shared: Sequence[int],
    ) -> None:
        """Return None."""


@asynccontextmanager
async def open_warm_start(
    modules: Sequence[str], *, processes: ChildProcesses, events: EventSink
) -> AsyncIterator[ReplicaStart]:
    """Keep a warm parent during the block, where the system allows it."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        yield NoWarmStart()
        return
    warm_start = WarmStart(modules, processes=processes, events=events)
    await warm_start.launch()
    try:
        yield warm_start
    finally:
        await warm_start.close()


def modules_to_import(shop: Iterable[ServiceSpec], *, real_stores: bool) -> Sequence[str]:
    """What the replicas of a shop import, with the modules of the stores in use only."""
    modules = dict.fromkeys(SERVER_MODULES)
    for spec in shop:
        modules[spec.factory.partition(":")[0]] = None
        if spec.store is None:
            continue
        store = spec.store if real_stores else "sqlite"
        for module in (f"app.stores.{store}", f"{spec.package}.repository.{store}"):
            if PROJECT.joinpath(*module.split(".")).with_suffix(".py").exists():
                modules[module] = None
    return list(modules)


class WarmStart:
    """Forks replicas from a parent process, which is launched again when it has ended."""

    def __init__(
        self,
        modules: Sequence[str],
        *,
        processes: ChildProcesses,
        events: EventSink,
        launch_interval: float = LAUNCH_INTERVAL,
    ) -> None:
        self._launch_interval = launch_interval
        self._modules = modules
        self._processes = processes
        self._events = events
        self._parent: _WarmParent | None = None
        self._launched_at = 0.0
        self._reported: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    async def launch(self) -> None:
        """Have a parent process begin its imports. Does not raise."""
        self._launched_at = time.monotonic()
        try:
            self._parent = await _WarmParent.launch(self._modules, self._processes)
        except Exception as error:
            self._report(describe_error(error))

    async def start(
        self,
        factory: str,
        *,
        environment: Mapping[str, str],
        own: socket.socket,
        shared: Sequence[int],
    ) -> Child | None:
        async with self._one_at_a_time:
            parent = await self._running_parent()
            if parent is None or self._processes.closed:
                return None
            message = {"factory": factory, "environment": dict(environment)}
            try:
                return await self._fork(parent, message, [own.fileno(), *shared])
            except Unavailable as error:
                self._report(str(error))
            except Exception as error:
                is_late = isinstance(error, TimeoutError)
                self._report(NO_RESPONSE if is_late else describe_error(error))
                await self.close()
            except asyncio.CancelledError:
                # The response would be read as that to the next request.
                parent.kill()
                raise
            return None

    async def close(self) -> None:
        """End the parent process. The replicas go on."""
        if self._parent is not None:
            await self._parent.close()
            self._parent = None

    async def _running_parent(self) -> "_WarmParent | None":
        if self._parent is not None and self._parent.has_ended:
            self._report(self._parent.ending)
            await self.close()
        if self._parent is None and time.monotonic() > self._launched_at + self._launch_interval:
            await self.launch()
        return self._parent

    async def _fork(
        self, parent: "_WarmParent", message: Mapping[str, Any], sockets: Sequence[int]
    ) -> Child:
        await parent.wait_ready()
        with _pipe() as (output, output_writer), _pipe() as (go, go_writer):
            descriptors = [output_writer, go, *sockets]
            with _adopting_orphans():
                response = await parent.request(message, descriptors)
                if "stale" in response:
                    await parent.wait_ready()
                    response = await parent.request(message, descriptors)
            if "pid" not in response:
                raise Unavailable(response.get("refused", "its code changes again and again"))
            process = await self._processes.adopt(response["pid"], os.dup(output))
            os.write(go_writer, b"\n")
            return process

    def _report(self, problem: str) -> None:
        """Say once that replicas start more slowly now."""
        if problem not in self._reported and not self._processes.closed:
            self._reported.add(problem)
            self._events.emit("pending", "cartwheel", f"replicas start more slowly: {problem}")


class _WarmParent:
    """The parent process, and the connection to it."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._received = b""
        self._is_ready = False
        assert process.stdout is not None
        # Nothing is expected; an error of the interpreter would come here.
        self._output = asyncio.create_task(process.stdout.read())

    @classmethod
    async def launch(cls, modules: Sequence[str], processes: ChildProcesses) -> "_WarmParent":
        with ExitStack() as opened:
            ours, theirs = map(opened.enter_context, socket.socketpair())
            ours.setblocking(False)
            process = await processes.start(
                *(sys.executable, "-m", "cartwheel.local.warm_parent"),
                *(str(theirs.fileno()), str(os.getpid()), ",".join(modules), PADDING),
                descriptors=[theirs.fileno()],
            )
            opened.pop_all()
        theirs.close()
        return cls(process, ours)

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def ending(self) -> str:
        return f"the warm parent ended with code {self._process.returncode}"

    async def wait_ready(self) -> None:
        """Wait for the end of its imports. Raises `Unavailable`."""
        if not self._is_ready:
            await self._response(timeout=READY_TIMEOUT)
            self._is_ready = True

    async def request(
        self, message: Mapping[str, Any], descriptors: Sequence[int]
    ) -> Mapping[str, Any]:
        """Send a request and wait for the response. One at a time. Raises `Unavailable`."""
        # Without a process that receives it, there is no response either.
        with suppress(ConnectionError):
            await self._send(json.dumps(message).encode(), descriptors)
        response = await self._response(timeout=FORK_TIMEOUT)
        self._is_ready = "stale" not in response
        return response

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        self.kill()
        self._connection.close()
        await self._process.wait()
        self._output.cancel()

    async def _send(self, body: bytes, descriptors: Sequence[int]) -> None:
        socket.send_fds(self._connection, [LENGTH.pack(len(body))], descriptors)
        await asyncio.get_running_loop().sock_sendall(self._connection, body)

    async def _response(self, *, timeout: float) -> Mapping[str, Any]:
        """The next line. Raises `Unavailable` when the process has ended."""
        async with asyncio.timeout(timeout):
            while b"\n" not in self._received:
                if not (chunk := await self._receive()):
                    await self._process.wait()
                    raise Unavailable(self.ending)
                self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        response: Mapping[str, Any] = json.loads(line)
        return response

    async def _receive(self) -> bytes:
        """What comes next; nothing at the end."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._connection, 4096)
        except ConnectionError:
            return b""


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """A pipe that is open during the block: where to read, and where to write."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Become the parent of a descendant that loses its own."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
