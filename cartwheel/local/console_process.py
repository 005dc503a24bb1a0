"""The console beside the shop: a process of its own, which may fail without harm to the shop.

It listens on loopback, also when the shop does not, on sockets that the supervisor has opened: a
port that is taken is known at the start, and the link holds while the console restarts.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping
from typing import Any

from cartwheel.local.child_processes import Child, ChildProcesses
from cartwheel.local.events import EventKind, EventSink, emitter_for
from cartwheel.local.memory import memory_of
from cartwheel.local.probe import send_bytes
from cartwheel.local.program import NO_RESPONSE, ProbeResult
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.replica_process import InvalidSettings, Replica
from cartwheel.local.sockets import OWN_HOST, ListeningSockets
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.timeouts import Timeouts

NAME = "console"


class ConsoleProgram:
    """Runs `cartwheel console` on inherited sockets."""

    stop_signal = signal.SIGTERM

    def __init__(
        self, sockets: ListeningSockets, state: StateFolder, processes: ChildProcesses
    ) -> None:
        self._sockets = sockets
        self._state = state
        self._processes = processes

    async def start(self, _: str) -> tuple[Child, int]:
        descriptors = self._sockets.descriptors
        process = await self._processes.start(
            *(sys.executable, "-m", "cartwheel", "console"),
            f"--state-dir={self._state.root}",
            *(f"--fd={descriptor}" for descriptor in descriptors),
            descriptors=descriptors,
        )
        return process, self._sockets.port

    async def probe(self, port: int, *, timeout: float) -> ProbeResult:
        request = f"HEAD / HTTP/1.1\r\nHost: {OWN_HOST}:{port}\r\nConnection: close\r\n\r\n"
        response = await send_bytes(port, request.encode(), timeout=timeout)
        if not response.startswith(b"HTTP/1.1 "):
            return NO_RESPONSE
        return ProbeResult(alive=True, ready=response.startswith(b"HTTP/1.1 200 "))


class ConsoleProcess:
    """Keeps the console running from `start` to `stop`."""

    def __init__(
        self,
        sockets: ListeningSockets,
        *,
        state: StateFolder,
        events: EventSink,
        timeouts: Timeouts,
        processes: ChildProcesses,
    ) -> None:
        self._sockets = sockets
        self._state = state
        self._events = events
        self._timeouts = timeouts
        self._processes = processes
        self._replica: Replica | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._sockets.port

    @property
    def link(self) -> str:
        """Its address with the token that lets a page change something."""
        return f"{self._sockets.url}/#token={self._state.console_token()}"

    def start(self) -> None:
        """Start it and return at once. Until it accepts, connections wait."""
        emit = emitter_for(self._events, NAME)
        self._replica = Replica(
            NAME,
            program=ConsoleProgram(self._sockets, self._state, self._processes),
            log=ReplicaLog(
                self._state.log_folder(NAME) / f"{NAME}.log",
                on_error=lambda message: emit("failure", message),
                emit=emit,
            ),
            events=_WithoutFirstSuccess(self._events),
            timeouts=self._timeouts,
        )
        self._watching = asyncio.create_task(self._report_refusal(self._replica))

    async def stop(self) -> None:
        """Stop it, if it was started."""
        if self._replica is not None and self._watching is not None:
            self._watching.cancel()
            await self._replica.stop(grace_period=self._timeouts.shutdown_grace_period)

    def status(self) -> Mapping[str, Any]:
        """As in `cartwheel status --json`."""
        replica = self._replica
        return {
            "url": self._sockets.url,
            "link": self.link,
            "state": replica.state if replica else "Starting",
            "pid": replica.pid if replica else None,
            "restarts": replica.restarts if replica else 0,
            "memory": memory_of(replica.pid) if replica else 0,
        }

    async def _report_refusal(self, replica: Replica) -> None:
        """One that refuses its settings is not started again."""
        try:
            await replica.wait_ready(self._timeouts.startup_timeout)
        except InvalidSettings as error:
            self._events.emit("failure", NAME, f"does not start: {error}")


class _WithoutFirstSuccess:
    """The console is expected to start: only what comes after a failure is worth a line."""

    def __init__(self, events: EventSink) -> None:
        self._events = events
        self._has_failed = False

    def emit(self, kind: EventKind, subject: str, message: str) -> None:
        self._has_failed = self._has_failed or kind != "success"
        if self._has_failed:
            self._events.emit(kind, subject, message)
