"""Many callers over one connection to Valkey, and what each of them gets when it fails."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from structlog.testing import capture_logs

from app.stores.errors import StoreFull, StoreUnavailable
from app.stores.valkey import MAX_CALLS, Script, Valkey
from app.stores.valkey_connection import Address, ValkeyError
from app.telemetry.metrics import Metrics
from tests.support.lost_errors import no_lost_errors
from tests.support.valkey_server import ValkeyServer
from tests.support.waiting import until

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
PONG = b"+PONG\r\n"

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Valkey]:
    with no_lost_errors():
        async with Valkey(valkey_url, metrics=Metrics("test"), timeout=30.0) as valkey:
            yield valkey


@asynccontextmanager
async def server(behaviour: Behaviour, *, timeout: float = 30.0) -> AsyncIterator[Valkey]:
    """A client of a server with this behaviour, which has answered the first PING."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_command(reader)
        writer.write(PONG)
        try:
            await behaviour(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        url = f"valkey://127.0.0.1:{port}"
        with no_lost_errors():
            async with Valkey(url, metrics=Metrics("test"), timeout=timeout) as valkey:
                yield valkey


async def next_command(reader: asyncio.StreamReader) -> list[str]:
    """Empty when the client closed the connection."""
    command: list[str] = []
    count = int((await reader.readline())[1:] or 0)
    for _ in range(count):
        await reader.readline()
        command.append((await reader.readline()).decode().strip())
    return command


async def gather(*calls: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_each_of_many_callers_gets_its_own_reply(valkey: Valkey) -> None:
    calls = MAX_CALLS
    replies = await asyncio.gather(*(valkey.command("echo", "ECHO", n) for n in range(calls)))
    assert replies == [str(n) for n in range(calls)]


async def test_calls_do_not_wait_for_the_replies_to_earlier_ones() -> None:
    async def answer_three_at_once(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for _ in range(3):
            await next_command(reader)
        writer.write(b":1\r\n:2\r\n:3\r\n")
        await reader.read()

    async with server(answer_three_at_once) as valkey, asyncio.TaskGroup() as callers:
        replies = []
        for _ in range(3):
            replies.append(callers.create_task(valkey.command("get", "GET", "n")))
            await asyncio.sleep(0.01)  # so that each is written alone
    assert [reply.result() for reply in replies] == [1, 2, 3]


async def test_calls_of_one_turn_of_the_loop_leave_in_one_write() -> None:
    sizes: list[int] = []

    async def note_sizes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sizes.append(len(await reader.read(2**20)))
        writer.write(PONG * 50)
        await reader.read()

    async with server(note_sizes) as valkey:
        await asyncio.gather(*(valkey.ping() for _ in range(50)))
    assert sizes == [50 * len(b"*1\r\n$4\r\nPING\r\n")]


async def test_replies_of_every_kind_are_read(valkey: Valkey) -> None:
    kinds = Script("return {1, 'text', false, {'nested', {}}, redis.status_reply('OK')}")
    assert await valkey.run("kinds", kinds, keys=[]) == [1, "text", None, ["nested", []], "OK"]


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
async def test_commands_and_replies_may_be_of_any_size(valkey: Valkey, size: int) -> None:
    text = "ä" * size
    large, small = await asyncio.gather(
        valkey.command("echo", "ECHO", text), valkey.command("echo", "ECHO", "small")
    )
    assert (large == text, small) == (True, "small")


async def test_text_that_is_not_utf_8_harms_no_other_caller(valkey: Valkey) -> None:
    odd = Script(r"return 'a\255b'")
    assert await gather(valkey.run("odd", odd, keys=[]), valkey.command("echo", "ECHO", "b")) == [
        "a\N{REPLACEMENT CHARACTER}b",
        "b",
    ]


async def test_a_command_that_cannot_be_sent_harms_no_other_caller(valkey: Valkey) -> None:
    bad, good = await gather(
        valkey.command("echo", "ECHO", "\ud800"), valkey.command("echo", "ECHO", "good")
    )
    assert isinstance(bad, UnicodeEncodeError)
    assert good == "good"


async def test_a_wrong_command_fails_only_its_caller(valkey: Valkey) -> None:
    await valkey.command("set", "SET", "text", "text")
    wrong, right = await gather(
        valkey.run("add", ADD, keys=["text"], arguments=[1]),
        valkey.run("add", ADD, keys=["n"], arguments=[1]),
    )
    assert isinstance(wrong, ValkeyError)
    assert wrong.code == "ERR"
    assert right == 1


async def test_cancelled_callers_disturb_no_other(valkey: Valkey) -> None:
    calls = [asyncio.ensure_future(valkey.command("echo", "ECHO", n)) for n in range(300)]
    for turns, call in enumerate(calls[::3]):
        if turns % 50 == 0:
            await asyncio.sleep(0)  # some are cancelled before they are sent, some after
        call.cancel()
    replies = await gather(*calls)
    kept = [reply for n, reply in enumerate(replies) if n % 3]
    assert kept == [str(n) for n in range(300) if n % 3]
    assert await valkey.command("echo", "ECHO", "next") == "next"


async def test_a_script_the_server_does_not_know_runs_once_for_each_call(valkey: Valkey) -> None:
    await valkey.command("flush", "SCRIPT", "FLUSH")
    replies = await asyncio.gather(
        *(valkey.run("add", ADD, keys=["n"], arguments=[1]) for _ in range(100))
    )
    assert sorted(replies) == list(range(1, 101))
    assert await valkey.command("exists", "SCRIPT", "EXISTS", ADD.digest) == [1]


async def test_a_script_that_raises_noscript_itself_is_not_repeated_for_ever(
    valkey: Valkey,
) -> None:
    impostor = Script("return redis.error_reply('NOSCRIPT not what it seems')")
    with pytest.raises(ValkeyError):
        await valkey.run("impostor", impostor, keys=[])


async def test_more_calls_than_allowed_are_refused_at_once() -> None:
    async def never_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(never_answer) as valkey:
        waiting = [asyncio.ensure_future(valkey.ping()) for _ in range(MAX_CALLS)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="Too many"):
            await valkey.ping()
        assert not any(call.done() for call in waiting)
    assert {type(error) for error in await gather(*waiting)} == {StoreUnavailable}


@pytest.mark.fault(4, store="valkey")
async def test_a_server_that_hangs_fails_all_calls_in_time_and_its_late_replies_reach_nobody(
    own_valkey: ValkeyServer,
) -> None:
    own_valkey.start()
    with no_lost_errors():
        async with Valkey(own_valkey.url, metrics=Metrics("test"), timeout=0.3) as valkey:
            await valkey.ping()
            own_valkey.signal(signal.SIGSTOP)
            failed = await gather(*(valkey.command("echo", "ECHO", "late") for _ in range(100)))
            assert {type(error) for error in failed} == {StoreUnavailable}
            own_valkey.signal(signal.SIGCONT)
            await until(lambda: answers(valkey), within=10.0)
            assert await valkey.command("echo", "ECHO", "fresh") == "fresh"


async def answers(valkey: Valkey) -> bool:
    try:
        await valkey.ping()
    except StoreUnavailable:
        return False
    return True


async def test_a_slow_server_fails_nobody_as_long_as_each_reply_is_in_time() -> None:
    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await next_command(reader):
            await asyncio.sleep(0.15)
            writer.write(PONG)

    async with server(answer_slowly, timeout=5.0) as valkey:
        for _ in range(4):
            await valkey.ping()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_replies_that_arrived_while_our_process_had_no_cpu_are_no_timeout(
    run: Callable[..., object], valkey_server_url: str
) -> None:
    async def stall() -> object:
        async with Valkey(valkey_server_url, metrics=Metrics("test"), timeout=0.2) as valkey:
            await valkey.ping()
            call = asyncio.ensure_future(valkey.command("echo", "ECHO", "late"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # it is sent
            time.sleep(0.5)
            return await call

    assert run(stall()) == "late"


@pytest.mark.parametrize(
    "reply", [b"", b"$100\r\nhalf of", b"*2\r\n:1\r\n", b"$"], ids=["none", "text", "list", "type"]
)
async def test_half_a_reply_is_a_timeout(reply: bytes) -> None:
    async def answer_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await next_command(reader)
        writer.write(PONG + reply)
        await reader.read()

    async with server(answer_half, timeout=0.3) as valkey:
        whole, half = await gather(valkey.ping(), valkey.command("get", "GET", "n"))
    assert whole is None
    assert isinstance(half, StoreUnavailable)
    assert "no reply within 0.3 s" in str(half.__cause__)


async def test_sending_a_script_again_takes_no_more_time_than_the_timeout() -> None:
    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (b"-NOSCRIPT No matching script.\r\n", b"+done\r\n"):
            await next_command(reader)
            await asyncio.sleep(0.4)
            writer.write(reply)
        await reader.read()

    async with server(answer_slowly, timeout=0.6) as valkey:
        (error,) = await gather(valkey.run("add", ADD, keys=["n"], arguments=[1]))
    assert isinstance(error, StoreUnavailable)
    assert "no reply within 0.6 s" in str(error.__cause__)


async def test_waiting_for_a_retired_connection_takes_no_more_time_than_the_timeout() -> None:
    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await next_command(reader):
            if command[0] == "SET":
                writer.write(b"-READONLY You can't write against a replica.\r\n")
            else:
                await asyncio.sleep(0.4)
                writer.write(PONG)

    async with server(answer_slowly, timeout=0.6) as valkey:
        written = asyncio.ensure_future(valkey.command("set", "SET", "n", 1))
        under_way = asyncio.ensure_future(valkey.command("get", "GET", "n"))
        with pytest.raises(StoreUnavailable):
            await written
        (late,) = await gather(valkey.command("get", "GET", "n"))
        assert await under_way == "PONG"
    assert isinstance(late, StoreUnavailable)


async def test_a_reply_in_many_pieces_is_put_together() -> None:
    async def answer_by_the_byte(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await next_command(reader)
        for byte in b"*2\r\n$4\r\ndone\r\n*1\r\n:-17\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await reader.read()

    async with server(answer_by_the_byte) as valkey:
        assert await valkey.command("get", "GET", "n") == ["done", [-17]]


async def test_a_server_that_closes_amid_its_replies_fails_those_without_one() -> None:
    async def answer_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            await next_command(reader)
        writer.write(b":1\r\n:2\r\n$9\r\nhal")

    async with server(answer_two) as valkey:
        replies = await gather(*(valkey.command("get", "GET", "n") for _ in range(4)))
        assert replies[:2] == [1, 2]
        assert [type(error) for error in replies[2:]] == [StoreUnavailable] * 2
        assert "The server closed the connection." in str(replies[2].__cause__)


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n", b"+PONG\r\n+PONG\r\n"])
async def test_what_is_no_reply_to_a_call_ends_the_connection(nonsense: bytes) -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while command := await next_command(reader):
            writer.write(nonsense if command == ["GET", "n"] else PONG)

    async with server(answer) as valkey:
        await gather(valkey.command("get", "GET", "n"))
        await until(lambda: answers(valkey))
        await valkey.ping()
    assert connections == 2


async def test_a_surplus_reply_is_logged() -> None:
    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_command(reader)
        writer.write(PONG + b"+surplus\r\n")
        await reader.read()

    with capture_logs() as logs:
        async with server(answer_twice) as valkey:
            await valkey.ping()
    (line,) = logs
    assert line["why"] == "The store sent what no call asked for."
    assert "surplus" in line["cause"]


async def test_an_idle_connection_that_the_server_closes_is_not_logged() -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_command(reader)
        writer.write(PONG)

    with capture_logs() as logs:
        async with server(answer_once) as valkey:
            for _ in range(3):
                await until(lambda: answers(valkey))
                await asyncio.sleep(0.01)
    assert logs == []


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"-ERR max number of clients reached\r\n", "max number of clients reached"),
        (b"", "The server closed the connection."),
    ],
    ids=["error", "close"],
)
def test_why_a_server_closes_is_told_even_if_it_does_so_before_the_handshake(
    run: Callable[..., object], greeting: bytes, reason: str
) -> None:
    async def connect(port: int) -> StoreUnavailable:
        url = f"valkey://127.0.0.1:{port}"
        async with Valkey(url, metrics=Metrics("test"), timeout=5.0) as valkey:
            call = asyncio.ensure_future(valkey.ping())
            while not call.done():
                time.sleep(0.01)  # the server is always quicker than we are
                await asyncio.sleep(0)
        error = call.exception()
        assert isinstance(error, StoreUnavailable)
        return error

    with socket.create_server(("127.0.0.1", 0)) as listener:
        greet = threading.Thread(target=greet_and_close, args=(listener, greeting))
        greet.start()
        error = run(connect(listener.getsockname()[1]))
        greet.join()
    assert reason in str(error.__cause__)


def greet_and_close(listener: socket.socket, greeting: bytes) -> None:
    with listener.accept()[0] as connection:
        connection.sendall(greeting)


class RefusingGet:
    """A server that has this error for every GET, and otherwise responds as to PING."""

    def __init__(self, error: str) -> None:
        self.connections = 0
        self._error = f"-{error}\r\n".encode()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while command := await next_command(reader):
            writer.write(self._error if command[0] == "GET" else PONG)


@pytest.mark.parametrize(
    "refusal",
    [
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair",
        "ERR max number of clients reached",
    ],
)
async def test_a_refusal_after_the_handshake_ends_the_connection(refusal: str) -> None:
    refusing = RefusingGet(refusal)
    async with server(refusing) as valkey:
        before, *failed = await gather(
            valkey.ping(), valkey.command("get", "GET", "n"), valkey.command("echo", "ECHO", "n")
        )
        assert before is None
        for error in failed:
            assert isinstance(error, StoreUnavailable)
            assert refusal in str(error.__cause__)
        with pytest.raises(StoreUnavailable):
            await valkey.command("echo", "ECHO", "during the pause")
        await valkey.ping()
    assert refusing.connections == 2


@pytest.mark.fault(6, store="valkey")
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("LOADING Valkey is loading the dataset in memory", "The store is still loading."),
        ("MASTERDOWN Link with MASTER is down", "The store is a replica without its primary."),
    ],
)
async def test_a_server_that_became_a_replica_says_so_and_the_next_call_connects_again(
    reply: str, reason: str
) -> None:
    refusing = RefusingGet(reply)
    async with server(refusing) as valkey:
        (error,) = await gather(valkey.command("get", "GET", "n"))
        assert isinstance(error, StoreUnavailable)
        assert error.detail == reason
        await valkey.ping()
    assert refusing.connections == 2


async def test_a_server_that_talks_unasked_fails_the_calls_instead_of_looping() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(PONG)
        await reader.read()

    async with server(talk) as valkey:
        (error,) = await gather(valkey.ping())
        assert isinstance(error, StoreUnavailable)
        await asyncio.sleep(0.05)
    assert connections == 1


async def test_after_a_failure_calls_are_refused_for_a_moment_and_a_ping_is_not(
    own_valkey: ValkeyServer,
) -> None:
    with no_lost_errors():
        async with Valkey(own_valkey.url, metrics=Metrics("test"), timeout=30.0) as valkey:
            for _ in range(8):  # the pause grows
                with pytest.raises(StoreUnavailable) as failed:
                    await valkey.ping()
            assert f"connecting to 127.0.0.1:{own_valkey.port}" in str(failed.value.__cause__)
            own_valkey.start()
            with pytest.raises(StoreUnavailable) as refused:
                await valkey.command("echo", "ECHO", "early")
            assert refused.value.__cause__ is None
            await valkey.ping()
            assert await valkey.command("echo", "ECHO", "then") == "then"


async def test_closing_fails_the_calls_under_way_and_later_ones() -> None:
    async def never_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(never_answer) as valkey:
        under_way = asyncio.ensure_future(gather(valkey.ping(), valkey.command("get", "GET", "n")))
        await asyncio.sleep(0.05)
    for error in await under_way:
        assert isinstance(error, StoreUnavailable)
        assert "closed" in str(error)
    with pytest.raises(StoreUnavailable, match="closed"):
        await valkey.ping()


async def test_closing_while_connecting_fails_the_waiting_calls() -> None:
    async def greet_nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet_nobody, "127.0.0.1", 0) as listener:
        url = f"valkey://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        with no_lost_errors():
            async with Valkey(url, metrics=Metrics("test"), timeout=30.0) as valkey:
                waiting = asyncio.ensure_future(gather(valkey.ping()))
                await asyncio.sleep(0.05)
            (error,) = await waiting
    assert isinstance(error, StoreUnavailable)
    assert "closed" in str(error)


async def test_a_password_a_user_and_a_database_are_taken_from_the_url(
    own_valkey: ValkeyServer,
) -> None:
    own_valkey.start()
    own_valkey.ask("ACL", "SETUSER", "käthe", "on", ">p@ss:/w", "~*", "+@all")
    url = f"valkey://k%C3%A4the:p%40ss%3A%2Fw@localhost:{own_valkey.port}/3"
    async with Valkey(url, metrics=Metrics("test"), timeout=30.0) as valkey:
        assert await valkey.command("whoami", "ACL", "WHOAMI") == "käthe"
        assert "db=3" in await valkey.command("info", "CLIENT", "INFO")


@pytest.mark.parametrize(
    ("credentials", "path", "why"),
    [
        (":wrong@", "", "WRONGPASS"),
        ("nobody:wrong@", "", "WRONGPASS"),
        ("", "", "NOAUTH"),
        (":right@", "/99", "out of range"),
    ],
)
async def test_a_login_that_the_server_refuses_is_an_unavailable_store(
    own_valkey: ValkeyServer, credentials: str, path: str, why: str
) -> None:
    own_valkey.start()
    own_valkey.ask("CONFIG", "SET", "requirepass", "right")
    url = f"valkey://{credentials}127.0.0.1:{own_valkey.port}{path}"
    with no_lost_errors():
        async with Valkey(url, metrics=Metrics("test"), timeout=30.0) as valkey:
            for error in await gather(valkey.ping(), valkey.command("get", "GET", "n")):
                assert isinstance(error, StoreUnavailable)
                assert why in str(error.__cause__)


async def test_a_server_that_takes_no_more_clients_is_an_unavailable_store(
    own_valkey: ValkeyServer,
) -> None:
    own_valkey.start()
    own_valkey.ask("CONFIG", "SET", "maxclients", 1)
    with no_lost_errors():
        async with (
            Valkey(own_valkey.url, metrics=Metrics("test"), timeout=30.0) as first,
            Valkey(own_valkey.url, metrics=Metrics("test"), timeout=30.0) as second,
        ):
            await first.ping()
            with pytest.raises(StoreUnavailable):
                await second.command("get", "GET", "n")


@pytest.mark.fault(5, store="valkey")
async def test_a_full_store_refuses_writes_and_answers_reads(own_valkey: ValkeyServer) -> None:
    own_valkey.start()
    own_valkey.ask("CONFIG", "SET", "maxmemory", 1)
    async with Valkey(own_valkey.url, metrics=Metrics("test"), timeout=30.0) as valkey:
        written, read = await gather(
            valkey.command("set", "SET", "n", 1), valkey.command("get", "GET", "n")
        )
    assert isinstance(written, StoreFull)
    assert read is None


@pytest.mark.fault(6, store="valkey")
async def test_after_a_failover_the_next_calls_go_to_the_new_primary(
    own_valkey: ValkeyServer,
) -> None:
    own_valkey.start()
    async with Valkey(own_valkey.url, metrics=Metrics("test"), timeout=30.0) as valkey:
        before = await valkey.command("id", "CLIENT", "ID")
        own_valkey.ask("REPLICAOF", "127.0.0.1", 1)
        written, read = await gather(
            valkey.command("set", "SET", "n", 1), valkey.command("echo", "ECHO", "read")
        )
        assert isinstance(written, StoreUnavailable)
        assert read == "read"
        assert await valkey.command("id", "CLIENT", "ID") != before


def test_the_client_works_on_the_event_loop_of_the_services(valkey_server_url: str) -> None:
    async def echo() -> object:
        async with Valkey(valkey_server_url, metrics=Metrics("test"), timeout=30.0) as valkey:
            return await asyncio.gather(*(valkey.command("echo", "ECHO", n) for n in range(100)))

    assert uvloop.run(echo()) == [str(n) for n in range(100)]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("valkey://store", Address("store", 6379)),
        ("redis://:s%2Ft@store:1/2", Address("store", 1, None, "s/t", 2)),
        ("valkey://me:you@[::1]:7", Address("::1", 7, "me", "you")),
        ("valkey://store/", Address("store")),
    ],
)
def test_a_url_says_where_the_server_is(url: str, address: Address) -> None:
    assert Address.from_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "valkey://",
        "valkey://store/cart",
        "valkey://store:x",
        "valkey://store/?db=4",
        "valkey://store#4",
        "valkey://user@store",
        "valkey://user:@store",
    ],
)
def test_a_url_that_is_wrong_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        Address.from_url(url)


def test_a_password_is_not_shown() -> None:
    address = Address.from_url("valkey://me:secret@store")
    assert "secret" not in f"{address} {address!r}"
