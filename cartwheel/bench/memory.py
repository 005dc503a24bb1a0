"""The bench of memory: what each service's process occupies after some requests."""

from collections.abc import Mapping, Sequence

from cartwheel.bench.load_generator import Load
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import SERVICES, Shop, running_shops
from cartwheel.bench.usage import memory_mebibytes
from cartwheel.bench.workbench import Workbench

NAME = "memory"
BOUND = 64.0
PATHS = {
    "storefront": ("/", "/search?q=wheel", "/login"),
    "products": ("/v1/products", "/v1/categories"),
    "cart": ("/v1/cart", "/metrics"),
    "user": ("/v1/users/me", "/.well-known/jwks.json"),
    "tracking": ("/v1/orders", "/metrics"),
}
REQUESTS = 100


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    async with running_shops(workbench, options, progress) as shops:
        memory = {}
        for shop in shops:
            progress("requests", shop.name)
            memory[shop.name] = await _measure(workbench, shop)
    rows: list[dict[str, Value]] = [
        {"service": service, **{name: found[service] for name, found in memory.items()}}
        for service in SERVICES
    ]
    columns = [Column("service", "service")]
    columns += [
        Column(name, f"{name}, MiB", 1, meaning="proportional set size in MiB; less is better")
        for name in memory
    ]
    largest = max(memory[OWN].values()) if OWN in memory else None
    gates = [Gate("largest service", largest, BOUND, unit="MiB", decimals=1)]
    chart = OWN if OWN in memory else BEFORE
    return [BenchResult(NAME, "Memory of each service", columns, rows, gates, chart=chart)]


async def _measure(workbench: Workbench, shop: Shop) -> Mapping[str, float]:
    """The proportional set size of each service, after requests without a token."""
    found = {}
    for service in SERVICES:
        server = await shop.server(service)
        requests = [request("GET", path) for path in PATHS[service]] * REQUESTS
        await workbench.load(Load(server.port, requests, connections=8))
        found[service] = memory_mebibytes(server.pids)
    return found
