"""Checks that all variants answer alike, before anything is measured."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cartwheel.bench.workbench import START_TIMEOUT, Server
from cartwheel.errors import CommandError
from cartwheel.local.probe import send_bytes

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


@dataclass(frozen=True)
class Response:
    """A response; `body` has its times masked."""

    status: int
    body: str
    headers: str

    def json(self) -> object:
        with suppress(ValueError):
            return json.loads(self.body)
        return self.body


@dataclass(frozen=True)
class Check:
    """A request that all variants must answer alike; of errors only the status is compared.

    Frameworks differ in the status of some errors: those in ``same`` count as one.
    """

    name: str
    request: str
    same: tuple[int, ...] = ()


async def wait_until_ready(server: Server) -> None:
    """Return when the server responds. Raises `CommandError` if it does not start."""
    probe = b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while not server.has_ended:
                if await send_bytes(server.port, probe, timeout=1.0):
                    return
                await asyncio.sleep(0.02)
    raise CommandError(f"{server.name} does not start: {server.failure()}")


async def check_agreement(
    servers: Sequence[Server],
    checks: Sequence[Check],
    *,
    reset: Callable[[], Awaitable[None]] | None = None,
    exact: Collection[str] = (),
) -> None:
    """Send all checks to every server, each time after a ``reset``.

    Bodies are compared as JSON; those of servers in ``exact`` byte by byte. Times are masked.
    Raises `CommandError` naming the first difference.
    """
    first: Server | None = None
    expected: list[Response] = []
    for server in servers:
        if reset is not None:
            await reset()
        responses = [await fetch(server, check.request) for check in checks]
        first, expected = first or server, expected or responses
        for check, response, wanted in zip(checks, responses, expected, strict=True):
            difference = _difference(
                check, response, wanted, exact={first.name, server.name} <= set(exact)
            )
            if difference:
                raise CommandError(
                    f"{server.name} does not answer like {first.name}, so nothing was measured. "
                    f"{check.name.capitalize()}: {difference}"
                )


async def fetch(server: Server, request: str) -> Response:
    """Send one request on a connection of its own."""
    received = await send_bytes(
        server.port,
        request.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1"),
        timeout=10.0,
    )
    head, _, body = received.partition(b"\r\n\r\n")
    status = head[9:12]
    if not status.isdigit():
        raise CommandError(f"{server.name} did not respond: {server.failure()}")
    return Response(int(status), TIME.sub("…", body.decode()), head.decode("latin-1").lower())


def _difference(check: Check, response: Response, expected: Response, *, exact: bool) -> str:
    if {response.status, expected.status} <= set(check.same):
        return ""
    if response.status != expected.status:
        return f"status {response.status} instead of {expected.status}."
    if expected.status >= 400:
        return ""
    if response.json() != expected.json() or (exact and response.body != expected.body):
        return f"{response.body[:200]} instead of {expected.body[:200]}."
    if "\nx-request-id: " not in response.headers:
        return "no X-Request-ID."
    return ""
