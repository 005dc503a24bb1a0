"""The bench of a product by its SKU: known to the service, and read from Postgres each time."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from cartwheel.bench.agreement import Check, wait_until_ready
from cartwheel.bench.http_bench import Measured, Workload, measure
from cartwheel.bench.options import OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Gate
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import Shop, running_shops
from cartwheel.bench.workbench import Server, Workbench, plain_environment

NAME = "product"
FLOOR, ASYNCPG = "floor", "bare asyncpg"
FRESH_SECONDS = 2.0
"""As long as the products service keeps a product."""
MANY_PRODUCTS = 4000
"""So many that a product has left every cache when it is requested again."""
# All columns of a product, whatever they are, with another SKU.
COPY_PRODUCT = """
    INSERT INTO products
    SELECT (jsonb_populate_record(products, jsonb_build_object('sku', 'BENCH-' || number))).*
    FROM products, generate_series(1, $1::integer) AS number
    WHERE sku = (SELECT min(sku) FROM products)
"""


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    chosen = options.choose([FLOOR, ASYNCPG, *(name for name, _ in options.checkouts)])
    # The floors read the database of a shop, whoever was chosen.
    async with running_shops(workbench, replace(options, variants=()), progress) as shops:
        for shop in shops:
            await _add_products(shop)
        own = [await shop.server("products") for shop in shops if shop.name in chosen]
        floors = {
            FLOOR: ("Product by SKU, known: GET /v1/products/{sku}", FRESH_SECONDS),
            ASYNCPG: ("Product by SKU, from Postgres: GET /v1/products/{sku}", 0.0),
        }
        skus = {
            FLOOR: await asyncio.to_thread((await shops[-1].client()).skus),
            ASYNCPG: [f"BENCH-{number}" for number in range(1, MANY_PRODUCTS + 1)],
        }
        results = []
        for name, (title, fresh_seconds) in floors.items():
            servers = list(own)
            if name in chosen:
                floor = await _start_floor(workbench, shops[-1], name, fresh_seconds)
                servers.insert(0, floor)
            if servers:
                workload = _workload(skus[name], name)
                measured = await measure(
                    workbench, servers, workload, options=options, progress=progress
                )
                results.append(_result(title, measured))
    return results


async def _add_products(shop: Shop) -> None:
    connection = await asyncpg.connect(await shop.postgres_url("products"), timeout=10)
    try:
        await connection.execute(COPY_PRODUCT, MANY_PRODUCTS)
    finally:
        await connection.close()


async def _start_floor(workbench: Workbench, shop: Shop, name: str, fresh_seconds: float) -> Server:
    server = await workbench.start_server(
        name,
        lambda descriptor: (
            *(sys.executable, "-m", "uvicorn", "cartwheel.bench.variants.product:app"),
            *("--fd", str(descriptor), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning"),
        ),
        environment=plain_environment(
            BENCH_POSTGRES_URL=await shop.postgres_url("products"),
            BENCH_FRESH_SECONDS=str(fresh_seconds),
        ),
    )
    await wait_until_ready(server)
    return server


def _workload(skus: Sequence[str], base: str) -> Workload:
    return Workload(
        requests=lambda _: [request("GET", f"/v1/products/{sku}") for sku in skus],
        base=base,
        checks=[
            Check("a product", request("GET", f"/v1/products/{skus[0]}")),
            Check("another product", request("GET", f"/v1/products/{skus[1]}")),
            Check("an unknown product", request("GET", "/v1/products/NO-SUCH-PRODUCT")),
        ],
    )


def _result(title: str, measured: Measured) -> BenchResult:
    base = measured.base
    return BenchResult(
        NAME,
        title,
        measured.columns(),
        measured.rows(),
        gates=[Gate(f"CPU ÷ {base}", measured.ratio("cpu", OWN, base), 1.5)],
        notes=measured.notes(),
        samples=measured.raw(),
        chart="cpu",
    )
