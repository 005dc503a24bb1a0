"""The floor: the least work that gives the response of a cart add.

Raw ASGI under stock uvicorn, uvloop and httptools, and one connection to the store that all
requests share. It checks the token (verified tokens are kept), parses and validates the body, runs
one script and sends the whole cart; it has a request id and counts its responses.
"""

import asyncio
import json
import os
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from random import getrandbits
from typing import Any, cast
from urllib.parse import urlsplit

import hiredis
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SCRIPT = Path(__file__).with_name("cart_add.lua").read_text()
KEYS = KeySet.import_key_set(json.loads(os.environ["BENCH_JWKS"]))
PRODUCTS = frozenset(os.environ["BENCH_PRODUCTS"].split(","))
SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")
CART_TTL = str(30 * 24 * 60 * 60 * 1000).encode()
JSON_TYPE = (b"content-type", b"application/json")

pack_command = cast(Callable[[tuple[bytes, ...]], bytes], hiredis.pack_command)
responses: Counter[int] = Counter()
verified: dict[bytes, tuple[str, int]] = {}
"""Subject and end of each token that was verified before."""


class Store(asyncio.Protocol):
    """One connection: the calls of one turn of the loop leave in one write, replies in order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._outgoing: list[bytes] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def call(self, *words: bytes) -> asyncio.Future[Any]:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(pack_command(words))
        reply = self._loop.create_future()
        self._waiting.append(reply)
        return reply

    def _flush(self) -> None:
        self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(reply)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await run_lifespan(receive, send)
        return
    headers = dict(scope["headers"])
    request_id = headers.get(b"x-request-id") or b"%016x" % getrandbits(64)
    if scope["path"] == "/v1/cart/items" and scope["method"] == "POST":
        status, body = await add_item(headers, receive)
    else:
        status, body = 404, b"{}"
    responses[status] += 1
    length = (b"content-length", b"%d" % len(body))
    response_headers = [JSON_TYPE, length, (b"x-request-id", request_id)]
    await send({"type": "http.response.start", "status": status, "headers": response_headers})
    await send({"type": "http.response.body", "body": body})


async def add_item(headers: Mapping[bytes, bytes], receive: Receive) -> tuple[int, bytes]:
    subject = subject_of(headers.get(b"authorization", b"")[7:])
    if subject is None:
        return 401, b"{}"
    line = parse_line(await read_body(receive))
    if line is None:
        return 422, b"{}"
    sku, quantity = line
    if sku not in PRODUCTS:
        return 404, b"{}"
    fields = await store.call(
        b"EVALSHA",
        script,
        b"1",
        b"cart:" + subject.encode(),
        CART_TTL,
        sku.encode(),
        b"%d" % quantity,
    )
    return (200, render(fields)) if fields else (409, b"{}")


def subject_of(token: bytes) -> str | None:
    known = verified.get(token)
    if known is None:
        try:
            claims = jwt.decode(token.decode(), KEYS, algorithms=["EdDSA", "Ed25519"]).claims
            known = verified[token] = claims["sub"], claims["exp"]
        except (JoseError, ValueError, KeyError):
            return None
    subject, until = known
    return subject if time.time() < until else None


async def read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def parse_line(body: bytes) -> tuple[str, int] | None:
    try:
        line = json.loads(body)
        sku, quantity = line["sku"], line["quantity"]
    except (ValueError, TypeError, KeyError):
        return None
    if len(line) != 2 or type(quantity) is not int or not 1 <= quantity <= 99:
        return None
    return (sku, quantity) if isinstance(sku, str) and SKU.fullmatch(sku) else None


def render(fields: list[bytes]) -> bytes:
    """The cart as JSON, its lines ordered by SKU."""
    cart = dict(zip(fields[::2], fields[1::2], strict=True))
    version = cart.pop(b"version")
    seconds, milliseconds = divmod(int(cart.pop(b"updated_at")), 1000)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()
    if milliseconds:
        at += b".%03d000" % milliseconds
    lines = b",".join(b'{"sku":"%s","quantity":%s}' % line for line in sorted(cart.items()))
    return b'{"version":%s,"lines":[%s],"updated_at":"%sZ"}' % (version, lines, at)


async def run_lifespan(receive: Receive, send: Send) -> None:
    global store, script
    await receive()
    url = urlsplit(os.environ["BENCH_VALKEY_URL"])
    loop = asyncio.get_running_loop()
    _, store = await loop.create_connection(Store, str(url.hostname), url.port or 6379)
    script = await store.call(b"SCRIPT", b"LOAD", SCRIPT.encode())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


store: Store
script: bytes
