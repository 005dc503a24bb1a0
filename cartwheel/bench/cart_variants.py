"""The variants of the cart add, and how each is started."""

import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cartwheel.bench.agreement import wait_until_ready
from cartwheel.bench.node_packages import Node, NodeMissing, find_node
from cartwheel.bench.options import Options
from cartwheel.bench.tokens import TokenSigner
from cartwheel.bench.workbench import Checkout, Server, Workbench, plain_environment
from cartwheel.errors import CommandError
from cartwheel.local.sockets import OWN_HOST

FLOOR, NAIVE, IDIOMATIC, EXPRESS, FASTIFY = "floor", "naive", "idiomatic", "express", "fastify"
PRODUCTS = ("AXLE-STEEL-20", "HUB-CLASSIC-01", "RIM-OAK-26", "SPOKE-SET-36", "TYRE-WIDE-28")


@dataclass(frozen=True)
class Surroundings:
    """What every variant is given: a Valkey, the URL of the stand-ins, the signer of tokens."""

    workbench: Workbench
    valkey: Server
    stand_ins: str
    signer: TokenSigner


Start = Callable[[Surroundings, str], Awaitable[Server]]


async def cart_variants(
    workbench: Workbench, options: Options
) -> tuple[Mapping[str, Start], list[str]]:
    """Those that were chosen, in the order of the table, and why any is left out.

    Raises `CommandError` when none is left.
    """
    own = {name: _cart_service(checkout) for name, checkout in options.checkouts}
    chosen = options.choose([FLOOR, NAIVE, IDIOMATIC, EXPRESS, FASTIFY, *own])
    starts = {name: _uvicorn(name) for name in (FLOOR, NAIVE, IDIOMATIC)} | own
    notes = []
    if {EXPRESS, FASTIFY} & set(chosen):
        try:
            node = await find_node(workbench, options.state_dir)
            starts |= {name: _node(node, f"{name}.js") for name in (EXPRESS, FASTIFY)}
        except NodeMissing as missing:
            notes.append(str(missing))
    left = {name: starts[name] for name in chosen if name in starts}
    if not left:
        raise CommandError(f"There is nothing to measure. {' '.join(notes)}")
    return left, notes


async def start_variant(around: Surroundings, name: str, start: Start) -> Server:
    """Start it and wait until it responds. Raises `CommandError`."""
    server = await start(around, name)
    await wait_until_ready(server)
    around.workbench.pin_server(server)
    return server


def _uvicorn(name: str) -> Start:
    """A Python variant under stock uvicorn."""

    async def start(around: Surroundings, _: str) -> Server:
        return await around.workbench.start_server(
            name,
            lambda descriptor: (
                *(sys.executable, "-m", "uvicorn", f"cartwheel.bench.variants.{name}:app"),
                *("--fd", str(descriptor), "--loop", "uvloop", "--http", "httptools"),
                *("--no-access-log", "--log-level", "warning"),
            ),
            environment=_variant_environment(around),
        )

    return start


def _node(node: Node, file: str) -> Start:
    async def start(around: Surroundings, name: str) -> Server:
        return await around.workbench.start_server(
            name,
            lambda descriptor: (
                *("/usr/bin/env", f"BENCH_FD={descriptor}", "NODE_ENV=production"),
                *(node.program, str(node.folder / file)),
            ),
            environment=_variant_environment(around),
        )

    return start


def _cart_service(checkout: Checkout) -> Start:
    """The real cart service of a checkout."""

    async def start(around: Surroundings, name: str) -> Server:
        return await around.workbench.start_server(
            name,
            lambda descriptor: (
                *(checkout.python, "-m", "app.server", "services.cart.main:create"),
                f"--fd={descriptor}",
            ),
            environment=plain_environment(
                CARTWHEEL_STORE_URL=f"valkey://{OWN_HOST}:{around.valkey.port}",
                CARTWHEEL_PRODUCTS_URL=around.stand_ins,
                CARTWHEEL_USER_URL=around.stand_ins,
                CARTWHEEL_SERVICE_TOKENS=secrets.token_urlsafe(16),
                CARTWHEEL_INSTANCE="bench",
            ),
            folder=checkout.folder,
        )

    return start


def _variant_environment(around: Surroundings) -> Mapping[str, str]:
    return plain_environment(
        BENCH_VALKEY_URL=f"redis://{OWN_HOST}:{around.valkey.port}",
        BENCH_JWKS=around.signer.jwks,
        BENCH_PRODUCTS=",".join(PRODUCTS),
    )
