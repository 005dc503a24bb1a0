"""The control socket: how other terminals send commands to the supervisor.

One JSON line each way over a Unix socket in the state folder, so the permissions of the folder
decide who may control the shop. An error carries the exit code of the command. The path of a
socket is limited to about a hundred bytes and the path of a state folder is not: both ends
therefore change into the folder for the one system call that needs the path.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cartwheel.errors import CommandError, error_of

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message]]
REQUEST_TIMEOUT = 5.0  # seconds
MAX_RESPONSE_SIZE = 1024 * 1024  # bytes


@asynccontextmanager
async def serve_control_socket(path: Path, handle: Handler) -> AsyncIterator[None]:
    """Serve commands while the block runs. A `CommandError` of ``handle`` goes to the caller."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await asyncio.wait_for(reader.readline(), REQUEST_TIMEOUT))
            writer.write(json.dumps(await _respond(handle, request)).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # The caller has gone, or sent no JSON: there is nobody to send an error to.
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, sock=_listen(path))
    try:
        yield
    finally:
        server.close()


def send_command(path: Path, request: Message, *, timeout: float) -> Message:
    """Send one command and wait for its response. Raises `CommandError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            with contextlib.chdir(path.parent):
                connection.connect(path.name)
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(MAX_RESPONSE_SIZE)
        except TimeoutError:
            raise CommandError(f"The supervisor did not answer within {timeout:g} s.") from None
        except OSError:
            raise CommandError("The supervisor does not answer: is it just stopping?") from None
    if not line:
        raise CommandError("The supervisor stopped before it answered.")
    response: Message = json.loads(line)
    if "error" in response:
        raise error_of(response["error"], exit_code=response["exit_code"])
    return response


def _listen(path: Path) -> socket.socket:
    # A socket file left behind by a crash can go: this process holds the lock of the folder.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.chdir(path.parent):
        listener.bind(path.name)
    path.chmod(0o600)
    return listener


async def _respond(handle: Handler, request: Message) -> Message:
    try:
        return await handle(request)
    except CommandError as error:
        return _error_response(str(error), exit_code=error.exit_code)
    except Exception as error:
        # Reported by the loop's exception handler, which never blocks on the terminal.
        asyncio.get_running_loop().call_exception_handler(
            {"message": "command failed", "exception": error}
        )
        return _error_response(
            "The supervisor failed at that: its terminal shows why.",
            exit_code=CommandError.exit_code,
        )


def _error_response(message: str, *, exit_code: int) -> Message:
    return {"error": message, "exit_code": exit_code}
