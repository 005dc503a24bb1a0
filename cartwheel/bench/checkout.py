"""The bench of a checkout: what an order costs all services together."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from cartwheel.bench.load_generator import Load
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Column, Gate, Value, paired_ratio
from cartwheel.bench.rounds import Progress, measure_rounds
from cartwheel.bench.shop import Shop, running_shops
from cartwheel.bench.shop_client import ADDRESS, STAFF_EMAIL, ShopClient
from cartwheel.bench.usage import cpu_seconds
from cartwheel.bench.workbench import Server, Workbench

NAME = "checkout"
SHOPPERS = 8
ORDERS_PER_SHOPPER = 10
SETTLE = 1.0
"""Seconds; what an order leads to afterwards counts too."""
SETTINGS = {
    "CARTWHEEL_PAYMENT_DELAY": "0.01",
    "CARTWHEEL_COURIER_STEP_SECONDS": "3600",
    "CARTWHEEL_CHECKOUT_LIMIT": "10000",
}
COLUMNS = (
    Column("variant", "variant"),
    Column("cpu", "CPU ms", 2, meaning="CPU per order in ms; less is better"),
    Column("ratio", "÷ before", 2),
    Column("p50", "p50 ms", 1),
    Column("errors", "errors"),
)


@dataclass(frozen=True)
class Sample:
    """Of one round; `cpu` in seconds for one order, `p50` of both requests of an order."""

    cpu: float
    p50: float
    errors: int


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    async with running_shops(workbench, options, progress, **SETTINGS) as shops:
        by_name = {shop.name: shop for shop in shops}
        servers = [await shop.server("storefront", whole_shop=True) for shop in shops]

        async def take_sample(server: Server) -> Sample:
            return await _take_sample(workbench, by_name[server.name], server)

        samples = await measure_rounds(
            servers, take_sample, rounds=options.rounds, progress=progress
        )
    before = [one.cpu for one in samples.get(BEFORE, ())]
    rows: list[dict[str, Value]] = [
        {
            "variant": name,
            "cpu": median(one.cpu for one in found) * 1e3,
            "ratio": paired_ratio([one.cpu for one in found], before) if before else None,
            "p50": median(one.p50 for one in found) * 1e3,
            "errors": sum(one.errors for one in found),
        }
        for name, found in samples.items()
    ]
    own = [one.cpu for one in samples.get(OWN, ())]
    ratio = paired_ratio(own, before) if own and before else None
    title = "Checkout: an add and an order through the storefront, CPU of all services"
    return [
        BenchResult(NAME, title, COLUMNS, rows, [Gate("CPU ÷ before", ratio, 1.0)], chart="cpu")
    ]


async def _take_sample(workbench: Workbench, shop: Shop, server: Server) -> Sample:
    requests = await asyncio.to_thread(_requests, await shop.client())
    before = cpu_seconds(server.pids)
    result = await workbench.load(Load(server.port, requests, connections=SHOPPERS))
    await asyncio.sleep(SETTLE)
    used = cpu_seconds(server.pids) - before
    return Sample(used / (SHOPPERS * ORDERS_PER_SHOPPER), result.p50, result.errors)


def _requests(client: ShopClient) -> Sequence[str]:
    """For each shopper, an add and an order, again and again; a connection sends one shopper's."""
    sku = client.skus()[0]
    client.set_stock(sku, 100_000, token=client.session(STAFF_EMAIL))
    price = client.call("products", "GET", f"/v1/products/{sku}")["price"]
    add = json.dumps({"sku": sku, "quantity": 1})
    order = json.dumps({"expected_total": price, "address": ADDRESS})
    requests = []
    for _ in range(SHOPPERS):
        token = client.account()
        for _ in range(ORDERS_PER_SHOPPER):
            requests.append(request("POST", "/api/cart/v1/cart/items", token, body=add))
            key = {"idempotency_key": str(uuid.uuid4())}
            requests.append(request("POST", "/api/tracking/v1/orders", token, body=order, **key))
    return requests
