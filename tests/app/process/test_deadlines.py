"""A connection's one timer: silence, unfinished headers and idle time end in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from app.process.http_protocol import LINGER
from app.settings import ServiceSettings, load
from tests.app.serving import ManualTimers, serving
from tests.support.raw_http import RawConnection

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEADER_TIMEOUT = 10.0
KEEP_ALIVE = 75.0
A_MOMENT = 0.01


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["more_body"]:
        pass
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body"})


def settings(**values: float) -> ServiceSettings:
    limits = {
        "header_timeout": HEADER_TIMEOUT,
        "keep_alive": KEEP_ALIVE,
        "connection_max_age": 3600.0,
        **values,
    }
    return load(ServiceSettings).model_copy(update=limits)


@asynccontextmanager
async def connected(**values: float) -> AsyncIterator[tuple[ManualTimers, RawConnection]]:
    """A connection that had one response, and its timers."""
    timers = ManualTimers()
    async with (
        serving(empty, settings(**values), loop=timers) as (host, port),
        await RawConnection.open(f"http://{host}:{port}") as connection,
    ):
        await ask(connection)
        yield timers, connection


async def ask(connection: RawConnection) -> None:
    await connection.send(GET)
    assert (await connection.read_response()).status == 200


async def test_an_idle_connection_is_closed_at_the_end_of_its_keep_alive() -> None:
    async with connected() as (timers, connection):
        timers.advance(KEEP_ALIVE)
        assert await connection.closed()


async def test_a_request_just_before_the_end_is_answered_and_begins_the_time_anew() -> None:
    async with connected() as (timers, connection):
        for _ in range(3):
            timers.advance(KEEP_ALIVE - A_MOMENT)
            await ask(connection)
        timers.advance(KEEP_ALIVE)
        assert await connection.closed()


async def test_headers_after_a_pause_have_the_header_timeout_not_the_keep_alive() -> None:
    async with connected() as (timers, connection):
        timers.advance(KEEP_ALIVE / 2)
        await ask(connection)
        await connection.send(GET + b"GET / HT")
        assert (await connection.read_response()).status == 200
        timers.advance(HEADER_TIMEOUT)
        assert (await connection.read_response()).status == 408


async def test_headers_that_arrive_in_time_end_their_timeout() -> None:
    async with connected() as (timers, connection):
        await connection.send(GET + GET[:10])
        assert (await connection.read_response()).status == 200
        timers.advance(HEADER_TIMEOUT - A_MOMENT)
        await connection.send(GET[10:])
        assert (await connection.read_response()).status == 200
        timers.advance(KEEP_ALIVE - A_MOMENT)
        await ask(connection)


async def test_a_keep_alive_shorter_than_the_header_timeout_ends_first() -> None:
    async with connected(keep_alive=1.0) as (timers, connection):
        timers.advance(1.0)
        assert await connection.closed()


async def test_empty_lines_do_not_lengthen_the_idle_time() -> None:
    async with connected() as (timers, connection):
        await connection.send(b"\r\n")
        await connection.send(GET)
        assert (await connection.read_response()).status == 200
        await connection.send(b"\r\n" * 3)
        timers.advance(KEEP_ALIVE)
        assert await connection.closed()


async def test_a_connection_has_one_timer_however_many_requests_it_has() -> None:
    async with connected() as (timers, connection):
        for _ in range(20):
            await ask(connection)
            timers.advance(A_MOMENT)
        assert timers.pending == 1


async def test_a_response_does_not_cut_off_the_request_behind_it() -> None:
    async with connected() as (timers, connection):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
        await connection.send(GET + head)
        assert (await connection.read_response()).status == 200
        timers.advance(LINGER)
        await connection.send(b"ok")
        assert (await connection.read_response()).status == 200
        await ask(connection)
