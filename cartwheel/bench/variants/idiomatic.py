"""An idiomatic FastAPI app, as the documentation teaches it.

Async throughout, dependencies with `Annotated`, a response model, a lifespan that opens the pool of
connections, and one plain ASGI middleware for metrics and the request id. Verified tokens are kept.
"""

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypedDict
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from prometheus_client import Counter, Histogram, make_asgi_app
from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEYS = KeySet.import_key_set(json.loads(os.environ["BENCH_JWKS"]))
PRODUCTS = frozenset(os.environ["BENCH_PRODUCTS"].split(","))
CART_TTL = 30 * 24 * 60 * 60 * 1000
# As many as there are connections to this server: a smaller pool would fail requests.
MAX_CONNECTIONS = 2048

requests_total = Counter("http_requests_total", "Requests.", ["method", "route", "status"])
duration = Histogram("http_request_duration_seconds", "Duration.", ["method", "route"])


class Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    sku: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$")]
    quantity: Annotated[int, Field(ge=1, le=99)]


class CartLine(BaseModel):
    sku: str
    quantity: int


class Cart(BaseModel):
    version: int
    lines: list[CartLine]
    updated_at: datetime


class State(TypedDict):
    add: AsyncScript


class Telemetry:
    """Plain ASGI middleware: counts and times each request, and gives it an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get("x-request-id") or str(uuid4())
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = scope.get("route")
            path = route.path if route else "unmatched"
            requests_total.labels(scope["method"], path, status).inc()
            duration.labels(scope["method"], path).observe(time.perf_counter() - started)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    script = Path(__file__).with_name("cart_add.lua").read_text()
    redis = Redis.from_url(
        os.environ["BENCH_VALKEY_URL"], max_connections=MAX_CONNECTIONS, decode_responses=True
    )
    async with redis:
        yield {"add": redis.register_script(script)}


app = FastAPI(lifespan=lifespan)
app.add_middleware(Telemetry)
app.mount("/metrics", make_asgi_app())
bearer = HTTPBearer()
verified: dict[str, tuple[str, int]] = {}


async def current_subject(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> str:
    token = credentials.credentials
    if token not in verified:
        try:
            claims = jwt.decode(token, KEYS, algorithms=["EdDSA", "Ed25519"]).claims
        except (JoseError, ValueError):
            raise HTTPException(401, "Invalid token") from None
        verified[token] = claims["sub"], claims["exp"]
    subject, until = verified[token]
    if time.time() >= until:
        raise HTTPException(401, "Invalid token")
    return subject


async def add_script(request: Request) -> AsyncScript:
    script: AsyncScript = request.state.add
    return script


@app.post("/v1/cart/items")
async def add_item(
    line: Line,
    subject: Annotated[str, Depends(current_subject)],
    add: Annotated[AsyncScript, Depends(add_script)],
) -> Cart:
    if line.sku not in PRODUCTS:
        raise HTTPException(404, "There is no such product")
    fields = await add(keys=[f"cart:{subject}"], args=[CART_TTL, line.sku, line.quantity])
    if not fields:
        raise HTTPException(409, "The cart cannot hold that much")
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    version = int(values.pop("version"))
    updated_at = datetime.fromtimestamp(int(values.pop("updated_at")) / 1000, UTC)
    lines = [CartLine(sku=sku, quantity=int(count)) for sku, count in sorted(values.items())]
    return Cart(version=version, lines=lines, updated_at=updated_at)
