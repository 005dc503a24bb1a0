"""The bench of a cart add, beside other ways to write the same service."""

import json
import math
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.bench.agreement import Check, wait_until_ready
from cartwheel.bench.http_bench import Measured, Workload, columns, measure
from cartwheel.bench.load_generator import Load
from cartwheel.bench.options import Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Gate
from cartwheel.bench.rounds import Progress
from cartwheel.bench.stand_ins import running_stand_ins
from cartwheel.bench.tokens import TokenSigner
from cartwheel.bench.valkey import flush, start_valkey
from cartwheel.bench.workbench import Checkout, Server, Workbench, plain_environment

FLOOR = "floor"
PRODUCTS = ("AXLE-STEEL-20", "HUB-CLASSIC-01", "RIM-OAK-26", "SPOKE-SET-36", "TYRE-WIDE-28")
SUBJECTS_PER_SECOND = 64
"""So many that no cart reaches its limit of 99 pieces of a product in one visit."""


@dataclass(frozen=True)
class Surroundings:
    """What every variant is given."""

    workbench: Workbench
    valkey: Server
    stand_ins: str
    signer: TokenSigner


Start = Callable[[Surroundings, str], Awaitable[Server]]


async def run(workbench: Workbench, options: Options, progress: Progress) -> BenchResult:
    """Raises `CommandError`."""
    signer = TokenSigner()
    starts = _variants(options)
    chosen = options.choose(starts)
    async with running_stand_ins(jwks=signer.jwks, products=PRODUCTS) as stand_ins:
        around = Surroundings(workbench, await start_valkey(workbench), stand_ins, signer)
        servers = []
        for name in chosen:
            progress("start", name)
            servers.append(await _start(around, name, starts[name]))
        workload = _workload(around, options)
        measured = await measure(workbench, servers, workload, options=options, progress=progress)
    return BenchResult(
        "cart-add",
        "Cart add: POST /v1/cart/items",
        columns(measured.base),
        measured.rows(),
        gates=_gates(measured),
        samples=measured.raw(),
    )


def _variants(options: Options) -> Mapping[str, Start]:
    """All variants by name, in the order of the table."""
    return {
        FLOOR: _python_app("floor"),
        "idiomatic": _python_app("idiomatic"),
        **{name: _cart_service(checkout) for name, checkout in options.checkouts},
    }


async def _start(around: Surroundings, name: str, start: Start) -> Server:
    server = await start(around, name)
    await wait_until_ready(server)
    around.workbench.pin_server(server)
    return server


def _python_app(module: str) -> Start:
    """Start a variant under stock uvicorn."""

    async def start(around: Surroundings, name: str) -> Server:
        return await around.workbench.start_server(
            name,
            lambda number: (
                *(sys.executable, "-m", "uvicorn", f"cartwheel.bench.variants.{module}:app"),
                *("--fd", str(number), "--loop", "uvloop", "--http", "httptools"),
                *("--no-access-log", "--log-level", "warning"),
            ),
            environment=_variant_environment(around),
        )

    return start


def _variant_environment(around: Surroundings) -> Mapping[str, str]:
    return plain_environment(
        BENCH_VALKEY_URL=f"redis://127.0.0.1:{around.valkey.port}",
        BENCH_JWKS=around.signer.jwks,
        BENCH_PRODUCTS=",".join(PRODUCTS),
    )


def _cart_service(checkout: Checkout) -> Start:
    """Start the real cart service of a checkout."""

    async def start(around: Surroundings, name: str) -> Server:
        return await around.workbench.start_server(
            name,
            lambda number: (
                *(checkout.python, "-m", "app.server", "services.cart.main:create"),
                f"--fd={number}",
            ),
            environment=plain_environment(
                CARTWHEEL_STORE_URL=f"valkey://127.0.0.1:{around.valkey.port}",
                CARTWHEEL_PRODUCTS_URL=around.stand_ins,
                CARTWHEEL_USER_URL=around.stand_ins,
                CARTWHEEL_SERVICE_TOKENS=secrets.token_urlsafe(16),
                CARTWHEEL_INSTANCE="bench",
            ),
            folder=checkout.folder,
        )

    return start


def _workload(around: Surroundings, options: Options) -> Workload:
    count = math.ceil(SUBJECTS_PER_SECOND * max(options.seconds, 1.0))
    tokens = [around.signer.token(f"user_{number}") for number in range(count)]
    requests = [_add(token, sku) for token in tokens for sku in PRODUCTS]

    async def fill_carts(server: Server) -> None:
        """Every visit begins with the same carts: one line for each product."""
        await flush(around.valkey)
        await around.workbench.load(Load(server.port, requests, options.connections))

    return Workload(
        requests=lambda _: requests,
        base=FLOOR,
        checks=_checks(around.signer),
        reset=lambda: flush(around.valkey),
        prepare=fill_carts,
    )


def _checks(signer: TokenSigner) -> Sequence[Check]:
    token = signer.token("user_check")
    first, second = PRODUCTS[:2]
    return (
        Check("the first add", _add(token, second)),
        Check("a second line", _add(token, first, quantity=2)),
        Check("an add to a line", _add(token, first)),
        Check("an unknown product", _add(token, "NO-SUCH-PRODUCT")),
        Check("a quantity of 100", _add(token, first, quantity=100)),
        Check("more than 99 pieces", _add(token, first, quantity=97)),
        Check("a body that is not JSON", _post(token, "{"), same=(400, 422)),
        Check("a token of somebody else", _add(TokenSigner().token("user_check"), first)),
        Check("no token", _add("", first)),
    )


def _add(token: str, sku: str, *, quantity: int = 1) -> str:
    return _post(token, json.dumps({"sku": sku, "quantity": quantity}))


def _post(token: str, body: str) -> str:
    return request("POST", "/v1/cart/items", token, body=body)


def _gates(measured: Measured) -> Sequence[Gate]:
    own = "cartwheel"
    p99, p50 = measured.median(own, "p99"), measured.median(own, "p50")
    return (
        Gate("CPU ÷ floor", measured.ratio("cpu", own, FLOOR), 2.0, 1.3),
        Gate(
            "requests/s ÷ idiomatic FastAPI",
            measured.ratio("rate", own, "idiomatic"),
            4.0,
            6.0,
            is_upper=False,
        ),
        Gate(
            "requests/s ÷ express",
            measured.ratio("rate", own, "express"),
            0.8,
            1.0,
            is_upper=False,
        ),
        Gate(
            "requests/s ÷ fastify",
            measured.ratio("rate", own, "fastify"),
            None,
            1.0,
            is_upper=False,
        ),
        Gate("p99 of 64 connections", p99 and p99 * 1000, 5.0, unit="ms", decimals=1),
        Gate("p99 ÷ p50", p99 and p50 and p99 / p50, None, 2.5),
    )
