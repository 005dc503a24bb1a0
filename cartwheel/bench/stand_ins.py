"""Stand-ins for the services that the cart calls: products that exist, and the keys of tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from cartwheel.local.sockets import OWN_HOST

JWKS_PATH = "/.well-known/jwks.json"
PRODUCT_PATH = "/v1/products/"


@asynccontextmanager
async def running_stand_ins(*, jwks: str, products: Collection[str]) -> AsyncIterator[str]:
    """The URL of a server that stands for the products and the user service."""

    def respond(path: str) -> tuple[int, str]:
        if path == JWKS_PATH:
            return 200, jwks
        sku = path.removeprefix(PRODUCT_PATH)
        if path.startswith(PRODUCT_PATH) and sku in products:
            return 200, json.dumps({"sku": sku})
        return 404, _not_found(path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(*respond(head.split(b" ", 2)[1].decode())))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, OWN_HOST, 0)
    try:
        yield f"http://{OWN_HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _not_found(path: str) -> str:
    problem = {"type": "urn:cartwheel:problem:unknown-product", "title": "Unknown", "status": 404}
    return json.dumps({**problem, "detail": "None.", "instance": path, "request_id": "bench"})


def _response(status: int, body: str) -> bytes:
    kind = "application/json" if status == 200 else "application/problem+json"
    return (
        f"HTTP/1.1 {status} .\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
