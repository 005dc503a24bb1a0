"""Ask one replica how it is, at the price of one small request."""

import asyncio
import json
from http import HTTPStatus

from cartwheel.local.replica import Condition
from cartwheel.local.sockets import OWN_HOST

REQUEST = f"GET /readyz?verbose HTTP/1.1\r\nHost: {OWN_HOST}\r\nConnection: close\r\n\r\n"
ANSWER_LIMIT = 64 * 1024
SILENT = Condition(alive=False, ready=False)


async def ask(port: int, sent: bytes, *, timeout: float, enough: int = ANSWER_LIMIT) -> bytes:
    """What a server on loopback answers until it closes, or until so many bytes are enough.

    Empty when nobody answers in time.
    """
    answer = b""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(OWN_HOST, port)
            try:
                writer.write(sent)
                while len(answer) < enough and (part := await reader.read(ANSWER_LIMIT)):
                    answer += part
            finally:
                writer.close()
    except (OSError, TimeoutError):
        pass
    return answer


async def readiness(port: int, *, timeout: float) -> Condition:
    """How a replica of a service says it is."""
    head, _, body = (await ask(port, REQUEST.encode(), timeout=timeout)).partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return SILENT
    ready = int(words[1]) == HTTPStatus.OK
    return Condition(alive=True, ready=ready, why="" if ready else _why(body))


def _why(body: bytes) -> str:
    """The checks that did not pass, and what they said."""
    try:
        checks = json.loads(body)["checks"]
        return "; ".join(f"{name}: {said}" for name, said in checks.items() if said != "ok")
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
