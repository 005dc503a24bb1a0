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
    shop_options = replace(options, variants=())
    async with running_shops(workbench, shop_options, progress) as shops:
        for shop in shops:
            await _add_products(shop)
        own = [await shop.server("products") for shop in shops]
        known = await asyncio.to_thread((await shops[-1].client()).skus)
        floor = await _start_floor(workbench, shops[-1], FLOOR, fresh_seconds=FRESH_SECONDS)
        bare = await _start_floor(workbench, shops[-1], ASYNCPG, fresh_seconds=0)
        cached = await measure(
            workbench,
            [floor, *own],
            _workload(known, FLOOR),
            options=options,
            progress=progress,
        )
        many = [f"BENCH-{number}" for number in range(1, MANY_PRODUCTS + 1)]
        queried = await measure(
            workbench,
            [bare, *own],
            _workload(many, ASYNCPG),
            options=options,
            progress=progress,
        )
        await workbench.stop(floor)
        await workbench.stop(bare)
    return [
        _result("Product by SKU, known: GET /v1/products/{sku}", cached),
        _result("Product by SKU, from Postgres: GET /v1/products/{sku}", queried),
    ]


async def _add_products(shop: Shop) -> None:
    connection = await asyncpg.connect(await shop.postgres_url("products"), timeout=10)
    try:
        await connection.execute(COPY_PRODUCT, MANY_PRODUCTS)
    finally:
        await connection.close()


async def _start_floor(
    workbench: Workbench, shop: Shop, name: str, *, fresh_seconds: float
) -> Server:
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
