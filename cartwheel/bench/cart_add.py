"""The bench of a cart add, beside other ways to write the same service."""

import json
import math
from collections.abc import Sequence

from cartwheel.bench.agreement import Check
from cartwheel.bench.cart_variants import (
    EXPRESS,
    FASTIFY,
    FLOOR,
    IDIOMATIC,
    PRODUCTS,
    Surroundings,
    cart_variants,
    start_variant,
)
from cartwheel.bench.http_bench import Measured, Workload, measure
from cartwheel.bench.load_generator import Load
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Gate
from cartwheel.bench.rounds import Progress
from cartwheel.bench.stand_ins import running_stand_ins
from cartwheel.bench.tokens import TokenSigner
from cartwheel.bench.valkey import flush, start_valkey
from cartwheel.bench.workbench import Server, Workbench

NAME = "cart-add"
MANY_CONNECTIONS = (256, 1024)
SUBJECTS_PER_SECOND = 64
"""So many that no cart reaches its limit of 99 pieces of a product in one sample."""


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    signer = TokenSigner()
    starts, notes = await cart_variants(workbench, options)
    async with running_stand_ins(jwks=signer.jwks, products=PRODUCTS) as stand_ins:
        around = Surroundings(workbench, await start_valkey(workbench), stand_ins, signer)
        servers = []
        for name, start in starts.items():
            progress("start", name)
            servers.append(await start_variant(around, name, start))
        measured = await measure(
            workbench, servers, _workload(around, options), options=options, progress=progress
        )
    result = BenchResult(
        NAME,
        "Cart add: POST /v1/cart/items",
        measured.columns(),
        measured.rows(),
        gates=_gates(measured, options),
        notes=[*measured.notes(), workbench.cores.describe(), *notes],
        samples=measured.raw(),
        chart="rate",
    )
    return [result]


def _workload(around: Surroundings, options: Options) -> Workload:
    count = math.ceil(SUBJECTS_PER_SECOND * max(options.seconds, 0.25))
    tokens = [around.signer.token(f"user_{number}") for number in range(count)]
    requests = [_add(token, sku) for token in tokens for sku in PRODUCTS]

    async def fill_carts(server: Server) -> None:
        """Every sample begins with the same carts: one line for each product."""
        await flush(around.valkey)
        await around.workbench.load(Load(server.port, requests, options.connections))

    return Workload(
        requests=lambda _: requests,
        base=FLOOR,
        checks=_checks(around.signer),
        exact=(FLOOR, BEFORE, OWN),
        reset=lambda: flush(around.valkey),
        prepare=fill_carts,
        at_half_rate=True,
        many_connections=MANY_CONNECTIONS,
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


def _gates(measured: Measured, options: Options) -> Sequence[Gate]:
    def rate_gate(name: str, bound: float | None, stretch: float, heading: str) -> Gate:
        ratio = measured.ratio("rate", OWN, name)
        return Gate(f"requests/s ÷ {heading}", ratio, bound, stretch, is_upper=False)

    at = f"{options.connections:,} connections"
    p50, p99 = measured.median(OWN, "p50"), measured.median(OWN, "p99")
    many = [
        Gate(f"errors at {number:,} connections", count, 0, decimals=0)
        for number, count in measured.errors.get(OWN, {}).items()
    ]
    return (
        Gate("CPU ÷ floor", measured.ratio("cpu", OWN, FLOOR), 2.0, 1.3),
        rate_gate(IDIOMATIC, 4.0, 6.0, "idiomatic FastAPI"),
        rate_gate(EXPRESS, 0.8, 1.0, EXPRESS),
        rate_gate(FASTIFY, None, 1.0, FASTIFY),
        Gate(
            f"p99 at {at}",
            p99 and p99 * 1000,
            5.0,
            unit="ms",
            decimals=1,
        ),
        Gate("p99 ÷ p50", p99 and p50 and p99 / p50, None, 2.5),
        *many,
    )
