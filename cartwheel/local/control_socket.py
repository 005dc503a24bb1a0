"""The control socket: how other terminals send commands to the supervisor.

One JSON line each way over a Unix socket in the state folder, so the permissions of the folder
decide who may control the shop; a command that is followed has a line for each change, until one
side ends the connection. An error carries the exit code of the command. The path of a
socket is limited to about a hundred bytes and the path of a state folder is not: both ends
therefore change into the folder for the one system call that needs the path.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from cartwheel.errors import CommandError, UsageError, error_of

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message]]
Followed = Callable[[], AsyncIterator[Message]]
REQUEST_TIMEOUT = 5.0  # seconds
MAX_REQUEST_SIZE = MAX_RESPONSE_SIZE = 1024 * 1024  # bytes
NO_RESPONSE = "The supervisor does not answer: is it just starting or stopping?"
_working_folder = Lock()


@asynccontextmanager
async def serve_control_socket(
    path: Path, handle: Handler, *, followed: Mapping[str, Followed] | None = None
) -> AsyncIterator[None]:
    """Serve commands while the block runs. A `CommandError` of ``handle`` goes to the caller.

    ``followed`` are the commands that have more than one response.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                request = await read_request(reader)
            if request is None:
                return
            if follow := (followed or {}).get(str(request.get("command"))):
                await _send_all(writer, follow(), reader=reader)
            else:
                await send(writer, await respond(handle, request))
        except CommandError as error:
            await send(writer, error_response(error))
        except OSError:
            # The caller has gone, or sent nothing in time.
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, sock=listen_at(path), limit=MAX_REQUEST_SIZE)
    try:
        yield
    finally:
        server.close()


def send_command(path: Path, request: Message, *, timeout: float) -> Message:
    """Send one command and wait for its response. Raises `CommandError`."""
    with connect(path, timeout=timeout) as connection:
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(MAX_RESPONSE_SIZE)
        except TimeoutError:
            raise CommandError(f"The supervisor did not answer within {timeout:g} s.") from None
        except OSError:
            raise CommandError(NO_RESPONSE) from None
    return result_of(line)


async def follow_command(
    path: Path, request: Message, *, timeout: float
) -> AsyncGenerator[Message, None]:
    """Send one command and yield each response until the supervisor ends the connection.

    ``timeout`` is for the connection; a response may take as long as it wants. Raises
    `CommandError`.
    """
    connection = connect(path, timeout=timeout)
    connection.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=MAX_RESPONSE_SIZE)
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        while line := await reader.readline():
            yield result_of(line)
    except (OSError, ValueError):
        raise CommandError(NO_RESPONSE) from None
    finally:
        writer.close()


def connect(path: Path, *, timeout: float) -> socket.socket:
    """Connect to a socket of the supervisor. Raises `CommandError`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        with _in_folder_of(path):
            connection.connect(path.name)
    except OSError:
        connection.close()
        raise CommandError(NO_RESPONSE) from None
    return connection


@contextlib.contextmanager
def _in_folder_of(path: Path) -> Iterator[None]:
    """Work in that folder. It is the folder of all threads: one after the other uses it."""
    with _working_folder, contextlib.chdir(path.parent):
        yield


def result_of(line: bytes) -> Message:
    """What the supervisor responded. Raises the `CommandError` that it describes."""
    if not line:
        raise CommandError("The supervisor stopped before it answered.")
    response: Message = json.loads(line)
    if "error" in response:
        raise error_of(response["error"], exit_code=response["exit_code"])
    return response


def listen_at(path: Path) -> socket.socket:
    """Listen on a Unix socket that only the owner may connect to."""
    # A socket file left behind by a crash can go: this process holds the lock of the folder.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _in_folder_of(path):
        listener.bind(path.name)
    path.chmod(0o600)
    return listener


async def read_request(reader: asyncio.StreamReader) -> Message | None:
    """The next request; None when the caller has gone. Raises `UsageError`."""
    if (line := await _read_line(reader)) == b"":
        return None
    try:
        request = json.loads(line or "")
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise UsageError("A request is a JSON object in one line of at most 1 MiB.")
    return request


async def _read_line(reader: asyncio.StreamReader) -> bytes | None:
    """None for one that is too long. It is read to its end, so that the response arrives."""
    is_too_long = False
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            await reader.readexactly(error.consumed)
            is_too_long = True
        except asyncio.IncompleteReadError as error:
            return error.partial
        else:
            return None if is_too_long else line


async def send(writer: asyncio.StreamWriter, response: Message) -> None:
    """Send a response. Raises `OSError`: the caller has gone."""
    writer.write(json.dumps(response).encode() + b"\n")
    await writer.drain()


async def _send_all(
    writer: asyncio.StreamWriter, responses: AsyncIterator[Message], *, reader: asyncio.StreamReader
) -> None:
    """Send responses until the caller goes; it has nothing more to say."""

    async def send_each() -> None:
        async for response in responses:
            await send(writer, response)

    sending, gone = asyncio.create_task(send_each()), asyncio.create_task(reader.read())
    try:
        await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        sending.cancel()
        gone.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)


async def respond(handle: Handler, request: Message) -> Message:
    """The response to a request, or a description of its error."""
    try:
        return await handle(request)
    except CommandError as error:
        return error_response(error)
    except Exception as error:
        # Reported by the loop's exception handler, which never blocks on the terminal.
        asyncio.get_running_loop().call_exception_handler(
            {"message": "command failed", "exception": error}
        )
        return error_response(
            CommandError("The supervisor failed at that: its terminal shows why.")
        )


def error_response(error: CommandError) -> Message:
    """What `result_of` raises at the other end."""
    return {"error": str(error), "exit_code": error.exit_code}
