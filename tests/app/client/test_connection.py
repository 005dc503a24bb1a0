"""What a connection makes of the bytes it receives, in whatever segments they come."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.client.connection import MAX_OVERHEAD, MAX_UNREAD, Connection, Exchange
from app.client.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from app.client.messages import Request


class Wire(asyncio.Transport):
    """The socket of a connection, with what was done to it."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.sent = b""
        self.unsent = 0
        self.is_open = True
        self.is_reading = True

    def fileno(self) -> int:
        return 0  # no test here asks whether there is something to read

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def abort(self) -> None:
        self.is_open = False

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


@dataclass
class Peer:
    """The other end of a connection: what it sends, and what the pool was told."""

    wire: Wire = field(default_factory=Wire)
    freed: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        self.connection = Connection(
            "http://replica:80", on_free=self._on_free, on_closed=self._on_closed
        )
        self.connection.connection_made(self.wire)

    def _on_free(self, _: Connection) -> None:
        self.freed += 1

    def _on_closed(self, _: Connection) -> None:
        self.closed += 1

    def ask(self, method: str = "GET") -> Exchange:
        request = Request("products", method, "http://replica:80", "/", {}, b"")
        return self.connection.start(request, b"request")

    def send(self, *segments: bytes) -> None:
        for segment in segments:
            if segment and self.wire.is_open:
                self.connection.data_received(segment)

    def hang_up(self) -> None:
        self.connection.eof_received()
        self.connection.connection_lost(None)


async def read(exchange: Exchange) -> tuple[Any, ...]:
    """Status, headers and body, or the error."""
    try:
        await exchange.wait_for_head(1)
        parts = []
        while (part := await exchange.next_part(1)) is not None:
            parts.append(part)
    except UpstreamError as error:
        return type(error), error.stale_connection
    return exchange.status_code, exchange.headers, b"".join(parts)


def head(status: str = "200 OK", *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


CHUNKED = head("200 OK", "transfer-encoding: chunked")

GOOD: dict[str, tuple[bytes, tuple[int, bytes], bool]] = {
    "length": (head("200 OK", "content-length: 5") + b"hello", (200, b"hello"), True),
    "blanks after values": (
        head("200 OK", "content-length: 5 \t") + b"hello",
        (200, b"hello"),
        True,
    ),
    "blanks after chunked": (
        head("200 OK", "transfer-encoding: chunked ") + b"5\r\nhello\r\n0\r\n\r\n",
        (200, b"hello"),
        True,
    ),
    "no body": (head("200 OK", "content-length: 0"), (200, b""), True),
    "one chunk": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", (200, b"hello"), True),
    "chunks": (CHUNKED + b"2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", (200, b"hello"), True),
    "chunk extension": (CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n", (200, b"hello"), True),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n", (200, b"hello"), True),
    "no content": (head("204 No Content"), (204, b""), True),
    "not modified": (head("304 Not Modified", "content-length: 5"), (304, b""), True),
    "early hints": (
        head("103 Early Hints", "link: </a>") * 3 + head("200 OK", "content-length: 2") + b"ok",
        (200, b"ok"),
        True,
    ),
    "without a reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", (200, b"ok"), True),
    "closing": (
        head("200 OK", "connection: close", "content-length: 2") + b"ok",
        (200, b"ok"),
        False,
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", (200, b"ok"), False),
    "status 000": (head("000 Odd", "content-length: 2") + b"ok", (0, b"ok"), True),
    "status 999": (head("999 Odd", "content-length: 2") + b"ok", (999, b"ok"), True),
}
BAD = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/0.9": b"<html>hello</html>\r\n\r\n",
    "status with a sign": b"HTTP/1.1 +20 OK\r\ncontent-length: 2\r\n\r\nok",
    "status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok",
    "status of four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok",
    "no length": head("200 OK") + b"ok",
    "two lengths": head("200 OK", "content-length: 2", "content-length: 3") + b"ok!",
    "the same length twice": head("200 OK", "content-length: 2", "content-length: 2") + b"ok",
    "a list of lengths": head("200 OK", "content-length: 2, 2") + b"ok",
    "negative length": head("200 OK", "content-length: -2") + b"ok",
    "signed length": head("200 OK", "content-length: +2") + b"ok",
    "hexadecimal length": head("200 OK", "content-length: 0x2") + b"ok",
    "endless length": head("200 OK", f"content-length: {'9' * 40}") + b"ok",
    "length and chunks": head("200 OK", "content-length: 2", "transfer-encoding: chunked")
    + b"2\r\nok\r\n0\r\n\r\n",
    "chunks and length": head("200 OK", "transfer-encoding: chunked", "content-length: 2")
    + b"2\r\nok\r\n0\r\n\r\n",
    "other coding": head("200 OK", "transfer-encoding: gzip") + b"ok",
    "coding before chunks": head("200 OK", "transfer-encoding: gzip, chunked")
    + b"2\r\nok\r\n0\r\n\r\n",
    "coding after chunks": head("200 OK", "transfer-encoding: chunked, gzip")
    + b"2\r\nok\r\n0\r\n\r\n",
    "chunked twice": head("200 OK", "transfer-encoding: chunked", "transfer-encoding: chunked")
    + b"2\r\nok\r\n0\r\n\r\n",
    "chunk size that overflows": CHUNKED + b"f" * 17 + b"\r\nok",
    "chunk size with a sign": CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "chunk size of no digits": CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "chunk that is longer than it says": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
    "chunk without an end": CHUNKED + b"2\r\nok0\r\n\r\n",
    "folded header": head("200 OK", "content-length: 2", "x: a", " b") + b"ok",
    "NUL in a header": head("200 OK", "content-length: 2", "x: a\0b") + b"ok",
    "CR in a header": head("200 OK", "content-length: 2", "x: a\rb") + b"ok",
    "space before the colon": head("200 OK", "content-length : 2") + b"ok",
    "header without a colon": head("200 OK", "content-length: 2", "nonsense") + b"ok",
    "header without a name": head("200 OK", "content-length: 2", ": nonsense") + b"ok",
    "NUL in a name": head("200 OK", "content-length: 2", "x\0y: a") + b"ok",
    "only early hints": head("103 Early Hints") * 3,
    "upgrade": head("101 Switching Protocols", "upgrade: x", "connection: upgrade") + b"\0\1",
    "endless header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * MAX_OVERHEAD,
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (MAX_OVERHEAD // 4),
    "endless early hints": head("103 Early Hints", "x: y") * 2000,
    "endless chunk extension": CHUNKED + b"2;" + b"x" * 2 * MAX_OVERHEAD,
    "endless trailers": CHUNKED + b"2\r\nok\r\n0\r\n" + b"x: y\r\n" * (MAX_OVERHEAD // 4),
}
SEGMENTS = st.lists(st.integers(0, 400), max_size=12, unique=True).map(sorted)
"""Where the bytes are cut into segments."""


def cut(content: bytes, at: list[int]) -> list[bytes]:
    return [content[start:end] for start, end in zip([0, *at], [*at, None], strict=True)]


class TestResponses:
    @pytest.mark.parametrize(("content", "expected", "is_kept"), GOOD.values(), ids=GOOD.keys())
    @settings(max_examples=20)
    @given(at=SEGMENTS)
    async def test_a_response_is_read_whatever_its_segments(
        self, content: bytes, expected: tuple[int, bytes], is_kept: bool, at: list[int]
    ) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(*cut(content, at))

        status, _, body = await read(exchange)
        assert (status, body) == expected
        assert (peer.freed, peer.closed) == ((1, 0) if is_kept else (0, 1))
        assert peer.wire.is_open is is_kept

    @pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
    @settings(max_examples=20)
    @given(at=SEGMENTS)
    async def test_what_is_not_a_response_is_broken_whatever_its_segments(
        self, content: bytes, at: list[int]
    ) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(*cut(content, at))
        peer.hang_up()

        outcome = await read(exchange)
        assert outcome == (UpstreamBroken, False) or outcome[0] == 101
        assert (peer.freed, peer.closed, peer.wire.is_open) == (0, 1, False)

    @pytest.mark.parametrize("content", [one[0] for one in GOOD.values()], ids=GOOD.keys())
    async def test_a_response_that_ends_anywhere_is_cut_off(self, content: bytes) -> None:
        for end in range(len(content)):
            peer = Peer()
            exchange = peer.ask()
            peer.send(content[:end])
            assert not exchange.is_complete
            peer.hang_up()

            assert await read(exchange) == (UpstreamBroken, False)
            assert (peer.freed, peer.closed) == (0, 1)

    @pytest.mark.parametrize("content", [one[0] for one in GOOD.values()], ids=GOOD.keys())
    @settings(max_examples=20)
    @given(at=st.integers(0, 80), junk=st.binary(max_size=8), cut_out=st.integers(0, 8))
    async def test_a_damaged_response_is_a_response_or_broken(
        self, content: bytes, at: int, junk: bytes, cut_out: int
    ) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(content[:at] + junk + content[at + cut_out :])
        peer.hang_up()

        outcome = await read(exchange)
        assert outcome == (UpstreamBroken, False) or isinstance(outcome[0], int)
        assert peer.closed == 1

    async def test_only_end_to_end_headers_are_passed_on(self) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(
            head("200 OK", "Content-Length: 0", "X-A: 1", "x-a: 2", "Connection: x-hop", "X-Hop: 1")
        )

        assert (await read(exchange))[1] == {"content-length": "0", "x-a": "1, 2"}

    async def test_a_head_in_time_counts_even_if_nobody_had_a_turn_to_look_at_it(self) -> None:
        peer = Peer()
        exchange = peer.ask()
        reading = asyncio.create_task(read(exchange))
        await asyncio.sleep(0)
        peer.send(GOOD["length"][0])
        exchange.expire()

        assert (await reading)[0] == 200


class TestReuse:
    async def test_exchanges_follow_one_another(self) -> None:
        peer = Peer()
        for content, expected, is_kept in GOOD.values():
            if is_kept:
                exchange = peer.ask()
                peer.send(content)
                assert (await read(exchange))[::2] == expected

        assert peer.closed == 0

    @pytest.mark.parametrize(
        "surplus", [b"x", b"HTTP/1.1 200 OK\r\n", head("200 OK", "content-length: 6") + b"forged"]
    )
    @pytest.mark.parametrize("is_late", [False, True])
    async def test_more_than_the_response_ends_the_connection(
        self, surplus: bytes, is_late: bool
    ) -> None:
        content = GOOD["length"][0]
        peer = Peer()
        exchange = peer.ask()
        peer.send(*((content, surplus) if is_late else (content + surplus,)))

        assert (await read(exchange))[::2] == (200, b"hello")
        assert (peer.closed, peer.wire.is_open) == (1, False)

    async def test_a_response_before_any_request_ends_it(self) -> None:
        peer = Peer()
        peer.send(GOOD["length"][0])

        assert (peer.freed, peer.closed, peer.wire.is_open) == (0, 1, False)

    async def test_a_response_before_the_end_of_the_request_is_the_last(self) -> None:
        peer = Peer()
        peer.wire.unsent = 100
        exchange = peer.ask("POST")
        peer.send(GOOD["length"][0])

        assert (await read(exchange))[0] == 200
        assert (peer.freed, peer.closed) == (0, 1)

    async def test_a_response_to_head_is_the_last(self) -> None:
        peer = Peer()
        exchange = peer.ask("HEAD")
        peer.send(head("200 OK", "content-length: 5"))

        status, headers, body = await read(exchange)
        assert (status, headers, body) == (200, {"content-length": "5"}, b"")
        assert (peer.freed, peer.closed) == (0, 1)

    async def test_a_body_after_the_head_of_head_is_not_read(self) -> None:
        peer = Peer()
        exchange = peer.ask("HEAD")
        peer.send(GOOD["length"][0])

        assert (await read(exchange))[2] == b""
        assert peer.closed == 1

    async def test_a_used_connection_that_ends_before_the_response_was_stale(self) -> None:
        peer = Peer()
        await asyncio.gather(self._exchange(peer), asyncio.sleep(0))
        exchange = peer.ask()
        peer.hang_up()

        assert await read(exchange) == (UpstreamBroken, True)

    async def test_a_used_connection_that_ends_within_the_response_was_not(self) -> None:
        peer = Peer()
        await self._exchange(peer)
        exchange = peer.ask()
        peer.send(b"H")
        peer.hang_up()

        assert await read(exchange) == (UpstreamBroken, False)

    async def test_a_free_connection_that_ends_is_reported(self) -> None:
        peer = Peer()
        await self._exchange(peer)
        peer.hang_up()

        assert (peer.freed, peer.closed) == (1, 1)

    async def _exchange(self, peer: Peer) -> None:
        exchange = peer.ask()
        peer.send(GOOD["length"][0])
        await read(exchange)


class TestSlowReaders:
    async def test_the_peer_waits_while_much_is_unread(self) -> None:
        peer = Peer()
        exchange = peer.ask()
        part = b"x" * (MAX_UNREAD + 1)
        peer.send(head("200 OK", f"content-length: {2 * len(part)}"), part)
        assert not peer.wire.is_reading

        assert await exchange.next_part(1) == part
        assert peer.wire.is_reading
        peer.send(part)
        assert await exchange.next_part(1) == part
        assert await exchange.next_part(1) is None
        assert peer.freed == 1

    async def test_leaving_early_closes_the_connection(self) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(CHUNKED + b"2\r\nok\r\n")
        await exchange.wait_for_head(1)
        await exchange.aclose()

        assert (peer.closed, peer.wire.is_open) == (1, False)

    async def test_a_body_that_keeps_coming_ends_at_its_deadline(self) -> None:
        peer = Peer()
        exchange = peer.ask()
        peer.send(CHUNKED + b"2\r\nok\r\n")

        with pytest.raises(UpstreamTimeout):
            await exchange.next_part(0)
