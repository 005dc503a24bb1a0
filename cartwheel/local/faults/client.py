"""A fault session from another process: what it injects ends with it, whatever ends it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from cartwheel.errors import CommandError
from cartwheel.local.control_socket import MAX_RESPONSE_SIZE, Message, connect, result_of
from cartwheel.local.faults.effects import Effect, effect_as_json
from cartwheel.local.state_folder import StateFolder

# Seconds. An effect may start or replace a replica.
RESPONSE_TIMEOUT = 60.0


@contextmanager
def open_fault_session(state: StateFolder, name: str) -> Iterator["FaultSession"]:
    """Hold the fault session of the shop during the block; ``name`` is shown in `status`.

    At its end, everything has been undone. Raises `CommandError`: no shop runs, another process
    holds the session, or something could not be undone.
    """
    connection = connect(state.fault_socket, timeout=RESPONSE_TIMEOUT)
    with connection, connection.makefile("rb") as responses:
        session = FaultSession(connection, responses)
        session.request({"open": name, "pid": os.getpid()})
        try:
            yield session
        except BaseException:
            with suppress(CommandError):
                session.close()
            raise
        session.close()


class FaultSession:
    """Injects effects and undoes them. May be used by several threads."""

    def __init__(self, connection: socket.socket, responses: Any) -> None:
        self._connection = connection
        self._responses = responses
        self._lock = Lock()
        self._has_reported = False

    def inject(self, effect: Effect) -> int:
        """Begin an effect; returns its id. Raises `CommandError`."""
        effect_id: int = self.request({"inject": effect_as_json(effect)})["id"]
        return effect_id

    def undo(self, effect_id: int) -> None:
        """End an effect; nothing happens if it has ended. Raises `CommandError`."""
        try:
            self.request({"undo": effect_id})
        except CommandError:
            self._has_reported = True
            raise

    def close(self) -> None:
        """End the session; returns when its effects have been undone.

        Raises `CommandError` for what could not be, unless `undo` has: results are not lost to
        an error that they contain.
        """
        last = b""
        with self._lock, suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            while line := self._responses.readline(MAX_RESPONSE_SIZE):
                last = line
        # Without a response, the shop has been stopped, and its faults with it.
        if last and not self._has_reported:
            result_of(last)

    def request(self, message: Message) -> Message:
        """Send a request and wait for the response. Raises `CommandError`."""
        with self._lock:
            try:
                self._connection.sendall(json.dumps(message).encode() + b"\n")
                line = self._responses.readline(MAX_RESPONSE_SIZE)
            except TimeoutError:
                raise CommandError(
                    f"The supervisor did not answer within {RESPONSE_TIMEOUT:g} s."
                ) from None
            except OSError:
                line = b""
        return result_of(line)
