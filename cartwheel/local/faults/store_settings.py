"""Another value for a setting of Valkey or Postgres while they run."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from cartwheel.errors import CommandError
from cartwheel.local.faults.refusals import STORE_ERRORS, describe_refusal
from cartwheel.local.faults.undoing import undone
from cartwheel.local.probe import send_bytes
from cartwheel.local.replica_process import Replica

TIMEOUT = 5.0  # seconds


@asynccontextmanager
async def valkey_setting(
    valkey: Replica, url: str, *, name: str, value: str
) -> AsyncIterator[None]:
    """Have a setting of Valkey (`CONFIG SET`) during the block. Raises `CommandError`.

    A Valkey that was started again meanwhile has its own settings already.
    """
    before = await _valkey_config(url, f'GET "{name}"')
    if len(before) < 2:
        raise CommandError(f"Valkey has no setting {name!r}.")
    await _valkey_config(url, f'SET "{name}" "{value}"')
    process = valkey.process

    async def restore() -> None:
        if valkey.process is process:
            await _valkey_config(url, f'SET "{name}" "{before[-1]}"')

    try:
        yield
    finally:
        await undone(restore)


@asynccontextmanager
async def postgres_setting(
    postgres: Replica, url: str, *, name: str, value: str, settings: Path
) -> AsyncIterator[None]:
    """Have a setting of Postgres (`ALTER SYSTEM`) during the block. Raises `CommandError`.

    ``settings`` is the file to which Postgres writes it.
    """
    try:
        await _alter_system(url, name, value)
        yield
    finally:
        # Not in SQL: it may just be starting again, or have no free connection.
        _forget(name, settings)
        if postgres.process is not None:
            postgres.process.send_signal(signal.SIGHUP)


async def _alter_system(url: str, name: str, value: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT)
        try:
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'", timeout=TIMEOUT)
            await connection.execute("SELECT pg_reload_conf()", timeout=TIMEOUT)
        finally:
            connection.terminate()
    except STORE_ERRORS as error:
        reason = describe_refusal(error)
        raise CommandError(f"Postgres refuses this setting ({reason}).") from error


def _forget(name: str, settings: Path) -> None:
    lines = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if not line.startswith(f"{name} =")))


async def _valkey_config(url: str, command: str) -> list[str]:
    """The values of the response. Raises `CommandError`."""
    parts = urlsplit(url)
    assert parts.port is not None
    request = f"AUTH {parts.password}\r\nCONFIG {command}\r\nQUIT\r\n"
    response = (await send_bytes(parts.port, request.encode(), timeout=TIMEOUT)).decode()
    lines = response.splitlines()[1:-1]  # without the responses to AUTH and QUIT
    if not lines or lines[0].startswith("-"):
        reason = lines[0][1:] if lines else "no response"
        raise CommandError(f"Valkey refuses this setting ({reason}).")
    return [line for line in lines if line[:1] not in ("*", "$")]
