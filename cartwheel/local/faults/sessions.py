"""Fault sessions: another process injects effects over a Unix socket in the state folder.

One JSON line each way, over one connection that stays open. Its end, whatever the cause, undoes
everything that it injected; so does the stop of the shop. There is one session at a time. The
permissions of the state folder decide who may open one, and nothing listens on the network.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from cartwheel.errors import CommandError, describe_error
from cartwheel.local.control_socket import (
    REQUEST_TIMEOUT,
    Message,
    error_response,
    listen_at,
    respond,
)
from cartwheel.local.events import EventSink
from cartwheel.local.faults.effects import Effect, Kill, effect_as_json, read_effect
from cartwheel.local.faults.injection import injected
from cartwheel.local.faults.targets import Targets

# Seconds. An effect that is just beginning when the shop stops is cancelled after this time.
CLOSE_TIMEOUT = 5.0


@dataclass(frozen=True)
class ActiveFault:
    """An effect that goes on, and what undoes it."""

    id: int
    effect: Effect
    target: str
    undo: AbstractAsyncContextManager[str]
    began: float = field(default_factory=time.monotonic)


class FaultSessions:
    """Serves fault sessions, one at a time."""

    def __init__(self, targets: Targets, events: EventSink) -> None:
        self._targets = targets
        self._events = events
        self._ids = count(1)
        self._session: _Session | None = None
        self._active: dict[int, ActiveFault] = {}

    def status(self) -> list[dict[str, Any]]:
        """The effects that go on, as `cartwheel status` shows them."""
        return [
            {
                "id": fault.id,
                "session": self._session.name if self._session else "",
                "target": fault.target,
                "sentence": fault.effect.sentence,
                "effect": effect_as_json(fault.effect),
                "age": round(time.monotonic() - fault.began, 1),
            }
            for fault in self._active.values()
        ]

    @asynccontextmanager
    async def serve(self, path: Path) -> AsyncIterator[None]:
        """Accept sessions during the block. At its end, every effect is undone."""
        server = await asyncio.start_unix_server(self._serve, sock=listen_at(path))
        try:
            yield
        finally:
            server.close()
            if self._session is not None:
                await self._session.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            opening = await asyncio.wait_for(reader.readline(), REQUEST_TIMEOUT)
            session = _Session(writer, task, **_opened(opening))
            if self._session is None:
                self._session = session
                await self._serve_session(session, reader)
            else:
                await session.send(error_response(_already_open(self._session)))
        except (OSError, ValueError, TimeoutError):
            # The caller has gone, or sent no JSON.
            pass
        finally:
            writer.close()

    async def _serve_session(self, session: "_Session", reader: asyncio.StreamReader) -> None:
        try:
            await session.send({})
            while line := await reader.readline():
                await session.send(await respond(self._handle, json.loads(line)))
        finally:
            # Goes on with the rest when one of them fails or is cancelled.
            async with AsyncExitStack() as undoing:
                undoing.callback(self._forget_session)
                for fault_id in sorted(self._active):
                    undoing.push_async_callback(respond, self._handle, {"undo": fault_id})

    def _forget_session(self) -> None:
        self._session = None

    async def _handle(self, request: Message) -> Message:
        match request:
            case {"inject": dict(description)}:
                return {"id": await self._inject(read_effect(description))}
            case {"undo": int(fault_id)}:
                await self._undo(fault_id)
                return {}
        raise CommandError("The supervisor does not know this request: is it an older one?")

    async def _inject(self, effect: Effect) -> int:
        fault_id = next(self._ids)
        context = injected(effect, self._targets, avoid=set(self._targets_of(type(effect))))
        target = await context.__aenter__()
        self._events.emit("pending", target, f"fault {fault_id} begins: {effect.sentence}")
        if isinstance(effect, Kill):
            await context.__aexit__(None, None, None)
        else:
            self._active[fault_id] = ActiveFault(fault_id, effect, target, context)
        return fault_id

    async def _undo(self, fault_id: int) -> None:
        if (fault := self._active.pop(fault_id, None)) is None:
            return
        try:
            await fault.undo.__aexit__(None, None, None)
        except Exception as error:
            message = f"fault {fault.id} could not be undone ({describe_error(error)})"
            self._events.emit("failure", fault.target, message)
            raise CommandError(f"{fault.target}: {message}.") from error
        sentence = fault.effect.sentence
        self._events.emit("success", fault.target, f"fault {fault.id} has ended: {sentence}")

    def _targets_of(self, kind: type[Effect]) -> Iterator[str]:
        return (fault.target for fault in self._active.values() if type(fault.effect) is kind)


@dataclass(frozen=True, eq=False)
class _Session:
    """The connection of the process that holds the session."""

    writer: asyncio.StreamWriter
    task: asyncio.Task[None]
    name: str
    pid: int

    async def send(self, message: Message) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def close(self) -> None:
        """Disconnect it; returns when its effects have been undone."""
        self.writer.close()
        _, pending = await asyncio.wait([self.task], timeout=CLOSE_TIMEOUT)
        if pending:
            self.task.cancel()
            await asyncio.wait([self.task])


def _opened(line: bytes) -> Message:
    """Name and pid of who opens a session. Raises `ValueError`."""
    match json.loads(line):
        case {"open": str(name), "pid": int(pid)}:
            return {"name": name[:100], "pid": pid}
    raise ValueError("a session begins with its name")


def _already_open(session: _Session) -> CommandError:
    return CommandError(f"Another fault session is open: {session.name} (pid {session.pid}).")
