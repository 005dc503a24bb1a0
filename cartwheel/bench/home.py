"""The bench of the storefront's home page: what a page costs all services together."""

import asyncio
from collections.abc import Sequence

from cartwheel.bench.agreement import Check
from cartwheel.bench.http_bench import Workload, measure
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Gate
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import running_shops
from cartwheel.bench.workbench import Server, Workbench

NAME = "home"
GUESTS = 16


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    async with running_shops(workbench, options, progress) as shops:
        servers, requests = [], {}
        for shop in shops:
            client = await shop.client()
            skus = await asyncio.to_thread(client.skus)
            cookies = [
                await asyncio.to_thread(client.shopper_cookies, sku) for sku in skus[:GUESTS]
            ]
            requests[shop.name] = [request("GET", "/", cookie=one) for one in cookies]
            servers.append(await shop.server("storefront", whole_shop=True))

        def requests_for(server: Server) -> Sequence[str]:
            return requests[server.name]

        checks = [Check("the icon", request("GET", "/favicon.ico"))]
        measured = await measure(
            workbench,
            servers,
            Workload(requests_for, base=BEFORE, checks=checks, at_half_rate=True),
            options=options,
            progress=progress,
        )
    p99 = measured.median(OWN, "p99")
    half_p99 = measured.steady[OWN].p99 * 1000 if OWN in measured.steady else None
    return [
        BenchResult(
            NAME,
            "Home page of a guest with a cart: GET /, CPU of all services",
            measured.columns(),
            measured.rows(),
            gates=[
                Gate("CPU ÷ before", measured.ratio("cpu", OWN, BEFORE), 0.5, 0.33),
                Gate("p99", p99 and p99 * 1000, 50.0, unit="ms", decimals=1),
                Gate("½ p99", half_p99, 50.0, unit="ms", decimals=1),
            ],
            notes=measured.notes(),
            samples=measured.raw(),
            chart="cpu",
        )
    ]
