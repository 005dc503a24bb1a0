"""How other terminals talk to the supervisor: one JSON line each way over a Unix socket.

The socket lies in the state folder, so who may read the folder may steer the shop. A socket's
path may be no longer than some hundred bytes and a state folder's may: both ends therefore
name it relative to the folder, for the moment of one system call.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cartwheel.errors import CommandError

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message]]
REQUEST_WITHIN = 5.0  # seconds
ANSWER_LIMIT = 1024 * 1024  # bytes


@asynccontextmanager
async def serving(path: Path, handle: Handler) -> AsyncIterator[None]:
    """Answer commands while the block runs. `CommandError` of the handler is an answer too."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await asyncio.wait_for(reader.readline(), REQUEST_WITHIN))
            writer.write(json.dumps(await _answer(handle, request)).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # Whoever asked has gone or spoke nonsense.
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, sock=_listener_at(path))
    try:
        yield
    finally:
        server.close()


def ask(path: Path, request: Message, *, timeout: float) -> Message:
    """Send one command and wait for its answer. Raises `CommandError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            with contextlib.chdir(path.parent):
                connection.connect(path.name)
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(ANSWER_LIMIT)
        except TimeoutError:
            raise CommandError(f"The supervisor did not answer within {timeout:g} s.") from None
        except OSError:
            raise CommandError("The supervisor does not answer: is it just stopping?") from None
    if not line:
        raise CommandError("The supervisor stopped before it answered.")
    answer: Message = json.loads(line)
    if "error" in answer:
        raise CommandError(answer["error"])
    return answer


def _listener_at(path: Path) -> socket.socket:
    # A socket file left behind by a crash is nobody's: the folder's lock is ours.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.chdir(path.parent):
        listener.bind(path.name)
    path.chmod(0o600)
    return listener


async def _answer(handle: Handler, request: Message) -> Message:
    try:
        return await handle(request)
    except CommandError as error:
        return {"error": str(error)}
    except Exception as error:
        # Told by the loop's handler: a terminal that is held must not hold the supervisor.
        asyncio.get_running_loop().call_exception_handler(
            {"message": "command failed", "exception": error}
        )
        return {"error": "The supervisor failed at that: its terminal shows why."}
