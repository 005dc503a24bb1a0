"""Fault sessions: another process injects effects over a Unix socket in the state folder.

One JSON line each way, over one connection that stays open. Its end, whatever the cause, undoes
everything that it injected; so does the stop of the shop. There is one session at a time. The
permissions of the state folder decide who may open one, and nothing listens on the network.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from cartwheel.errors import CommandError
from cartwheel.local.control_socket import (
    MAX_REQUEST_SIZE,
    REQUEST_TIMEOUT,
    Message,
    error_response,
    listen_at,
    read_request,
    respond,
    send,
)
from cartwheel.local.events import EventSink
from cartwheel.local.faults.active import ActiveFault, undo_all
from cartwheel.local.faults.effects import Effect, Kill, read_effect
from cartwheel.local.faults.event_loops import forget_requests
from cartwheel.local.faults.injection import injected
from cartwheel.local.faults.targets import Targets

# Seconds. An effect that is just beginning when the shop stops is cancelled after this time.
CLOSE_TIMEOUT = 5.0


class FaultSessions:
    """Serves fault sessions, one at a time. ``on_change`` is called when `status` has changed."""

    def __init__(
        self, targets: Targets, events: EventSink, *, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._targets = targets
        self._events = events
        self._on_change = on_change
        self._ids = count(1)
        self._session: _Session | None = None
        self._active: dict[int, ActiveFault] = {}
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._is_closed = False

    def status(self) -> list[dict[str, Any]]:
        """The effects that go on, as `cartwheel status` shows them."""
        return [fault.status for fault in self._active.values()]

    @asynccontextmanager
    async def serve(self, path: Path) -> AsyncIterator[None]:
        """Accept sessions during the block. At its end, every effect is undone."""
        forget_requests(self._targets.state.root)
        server = await asyncio.start_unix_server(
            self._serve, sock=listen_at(path), limit=MAX_REQUEST_SIZE
        )
        try:
            yield
        finally:
            server.close()
            await self._close()

    async def _close(self) -> None:
        """Disconnect all; returns when all effects have been undone."""
        self._is_closed = True
        for writer in self._connections.values():
            writer.close()
        await _end_of(self._connections, timeout=CLOSE_TIMEOUT)
        # What a session that has ended could not undo.
        await _end_of([fault.undo() for fault in self._active.values()], timeout=0.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            if not self._is_closed:
                await self._serve_connection(reader, writer)
        except (OSError, asyncio.CancelledError):
            # The caller has gone, or the shop stops.
            pass
        finally:
            del self._connections[task]
            writer.close()

    async def _serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                opening = await read_request(reader)
            if opening is None or self._is_closed:
                return
            session = _Session(writer, **_opened(opening))
            if self._session is not None:
                raise _already_open(self._session)
            self._session = session
        except CommandError as error:
            await send(writer, error_response(error))
        else:
            await self._serve_session(session, reader)

    async def _serve_session(self, session: "_Session", reader: asyncio.StreamReader) -> None:
        try:
            response: Message | None = {}
            while response is not None:
                await send(session.writer, response)
                response = await self._response(reader)
        finally:
            try:
                # Its client waits for this, if it still listens.
                await send(session.writer, await respond(self._undo_rest, {}))
            finally:
                self._session = None

    async def _response(self, reader: asyncio.StreamReader) -> Message | None:
        """The response to the next request; None when the caller has gone."""
        try:
            request = await read_request(reader)
        except CommandError as error:
            return error_response(error)
        return None if request is None else await respond(self._handle, request)

    async def _handle(self, request: Message) -> Message:
        match request:
            case {"inject": dict(description)}:
                return {"id": await self._inject(read_effect(description))}
            case {"undo": int(fault_id)} if not isinstance(fault_id, bool):
                fault = self._active.get(fault_id)
                return await _undo([fault] if fault else [])
        raise CommandError("The supervisor does not know this request: is it an older one?")

    async def _inject(self, effect: Effect) -> int:
        same = [one for one in self._active.values() if _change_the_same(one, effect)]
        for fault in same:
            if fault.target == effect.target:
                raise CommandError(
                    f"{fault.target}: undo fault {fault.id} first ({fault.effect.sentence})."
                )
        fault_id = next(self._ids)
        context = injected(effect, self._targets, avoid={fault.target for fault in same})
        acted_on = await context.__aenter__()
        self._events.emit("pending", acted_on.target, f"fault {fault_id} begins: {effect.sentence}")
        if isinstance(effect, Kill):
            await context.__aexit__(None, None, None)
            return fault_id
        session = self._session.name if self._session else ""
        self._active[fault_id] = ActiveFault(
            fault_id, effect, acted_on, context=context, session=session, on_end=self._report_end
        )
        self._on_change()
        return fault_id

    async def _undo_rest(self, _: Message) -> Message:
        return await _undo(self._active.values())

    def _report_end(self, fault: ActiveFault) -> None:
        if not fault.is_undone:
            self._events.emit("failure", fault.target, fault.problem)
            return
        del self._active[fault.id]
        self._on_change()
        sentence = f"fault {fault.id} has ended: {fault.effect.sentence}"
        self._events.emit("success", fault.target, sentence)


@dataclass(frozen=True, eq=False)
class _Session:
    """The connection of the process that holds the session."""

    writer: asyncio.StreamWriter
    name: str
    pid: int


async def _undo(faults: Iterable[ActiveFault]) -> Message:
    await undo_all(faults)
    return {}


async def _end_of(tasks: Iterable[asyncio.Task[None]], *, timeout: float) -> None:
    """Wait until they have ended; each time that is over, they are cancelled."""
    pending = set(tasks)
    while pending:
        _, pending = await asyncio.wait(pending, timeout=timeout)
        for task in pending:
            task.cancel()


def _change_the_same(fault: ActiveFault, effect: Effect) -> bool:
    return fault.acts and effect.changes is not None and fault.effect.changes == effect.changes


def _opened(request: Message) -> Message:
    """Name and pid of who opens a session. Raises `CommandError`."""
    match request:
        case {"open": str(name), "pid": int(pid)}:
            return {"name": name[:100], "pid": pid}
    raise CommandError("A fault session begins with the name and the pid of who opens it.")


def _already_open(session: _Session) -> CommandError:
    return CommandError(f"Another fault session is open: {session.name} (pid {session.pid}).")
