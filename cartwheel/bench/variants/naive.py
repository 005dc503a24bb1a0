"""A FastAPI app as a first attempt often looks.

Middleware with `BaseHTTPMiddleware`, dependencies without `async` (each runs in a thread), a token
that is verified again for every request, and one round trip to the store for each step.
"""

import json
import os
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import redis.asyncio
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from joserfc import jwt
from joserfc.jwk import KeySet
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

KEYS = KeySet.import_key_set(json.loads(os.environ["BENCH_JWKS"]))
PRODUCTS = os.environ["BENCH_PRODUCTS"].split(",")
CART_TTL = 30 * 24 * 60 * 60 * 1000

store: Any = redis.asyncio.from_url(os.environ["BENCH_VALKEY_URL"], decode_responses=True)
requests_total = Counter("http_requests_total", "Requests.", ["method", "path", "status"])
duration = Histogram("http_request_duration_seconds", "Duration.", ["method", "path"])


class Line(BaseModel):
    sku: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$")
    quantity: int = Field(ge=1, le=99)


class MetricsMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        path = request.url.path
        requests_total.labels(request.method, path, response.status_code).inc()
        duration.labels(request.method, path).observe(time.perf_counter() - started)
        return response


class RequestIdMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["X-Request-ID"] = request.headers.get("x-request-id", str(uuid4()))
        return response


app = FastAPI()
app.add_middleware(MetricsMiddleware)
app.add_middleware(RequestIdMiddleware)


def get_claims(authorization: str = Header("")) -> dict[str, Any]:
    try:
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, KEYS, algorithms=["EdDSA", "Ed25519"]).claims
    except Exception:
        raise HTTPException(401, "Invalid token") from None
    if claims["exp"] < time.time():
        raise HTTPException(401, "Invalid token")
    return claims


def get_subject(claims: dict[str, Any] = Depends(get_claims)) -> str:
    return str(claims["sub"])


@app.post("/v1/cart/items")
async def add_item(line: Line, subject: str = Depends(get_subject)) -> dict[str, Any]:
    if line.sku not in PRODUCTS:
        raise HTTPException(404, "There is no such product")
    key = f"cart:{subject}"
    total = int(await store.hget(key, line.sku) or 0) + line.quantity
    if total > 99:
        raise HTTPException(409, "The cart cannot hold that much")
    await store.hset(key, line.sku, total)
    await store.hincrby(key, "version", 1)
    await store.hset(key, "updated_at", int(time.time() * 1000))
    await store.pexpire(key, CART_TTL)
    cart = await store.hgetall(key)
    version = int(cart.pop("version"))
    updated_at = datetime.fromtimestamp(int(cart.pop("updated_at")) / 1000, UTC)
    lines = [{"sku": sku, "quantity": int(quantity)} for sku, quantity in sorted(cart.items())]
    return {"version": version, "lines": lines, "updated_at": updated_at}
