"""The floors of a product by its SKU: raw ASGI under stock uvicorn.

With `BENCH_FRESH_SECONDS` responses are kept so long, which is the floor of a product that is
known. With 0, each request is one query over bare asyncpg.
"""

import asyncio
import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from random import getrandbits
from typing import Any

import asyncpg

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/v1/products/"
SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")
QUERY = "SELECT * FROM products WHERE sku = $1"
CONNECTIONS = 10
FRESH_SECONDS = float(os.environ["BENCH_FRESH_SECONDS"])
MAX_KEPT = 512

responses: Counter[int] = Counter()
kept: dict[str, tuple[float, bytes, bytes]] = {}
"""For each SKU: until when it is fresh, the body and its entity tag."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await run_lifespan(receive, send)
        return
    headers = dict(scope["headers"])
    request_id = headers.get(b"x-request-id") or b"%016x" % getrandbits(64)
    status, body, etag = await read_product(scope["path"])
    if etag and headers.get(b"if-none-match") == etag:
        status, body = 304, b""
    responses[status] += 1
    response_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"etag", etag),
        (b"cache-control", b"public, max-age=2"),
        (b"x-request-id", request_id),
    ]
    await send({"type": "http.response.start", "status": status, "headers": response_headers})
    await send({"type": "http.response.body", "body": body})


async def read_product(path: str) -> tuple[int, bytes, bytes]:
    sku = path.removeprefix(PREFIX)
    if not path.startswith(PREFIX) or not SKU.fullmatch(sku):
        return 404, b"{}", b""
    known = kept.get(sku)
    if known is not None and time.monotonic() < known[0]:
        return 200, known[1], known[2]
    row = await pool.fetchrow(QUERY, sku)
    if row is None:
        return 404, b"{}", b""
    body = render(row)
    etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:24].encode()
    if FRESH_SECONDS:
        if len(kept) >= MAX_KEPT:
            kept.pop(next(iter(kept)))
        kept[sku] = time.monotonic() + FRESH_SECONDS, body, etag
    return 200, body, etag


def render(row: Any) -> bytes:
    sku = row["sku"]
    product = {
        "sku": sku,
        "name": row["name"],
        "summary": row["summary"],
        "description": row["description"],
        "category": row["category"],
        "price": {"amount": row["price_amount"], "currency": row["currency"]},
        "available": row["available"],
        "image": f"/v1/products/{sku}/image.svg",
        "weight_grams": row["weight_grams"],
        "size": row["size"],
    }
    return json.dumps(product, ensure_ascii=False, separators=(",", ":")).encode()


async def run_lifespan(receive: Receive, send: Send) -> None:
    global pool
    await receive()
    # Without the reset, which would be a second round trip for each query.
    pool = await asyncpg.create_pool(
        os.environ["BENCH_POSTGRES_URL"], min_size=1, max_size=CONNECTIONS, reset=no_reset
    )
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.wait_for(pool.close(), 5)
    await send({"type": "lifespan.shutdown.complete"})


async def no_reset(_: Any) -> None:
    return None


pool: Any
