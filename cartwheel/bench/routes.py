"""The bench of all other routes: the CPU of the service's process for one request of each."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from cartwheel.bench.http_bench import Measured, Workload, measure
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.requests import request
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import Shop, running_shops
from cartwheel.bench.shop_client import STAFF_EMAIL, ShopClient
from cartwheel.bench.workbench import Server, Workbench

NAME = "routes"
CONNECTIONS = PRODUCTS = 16
SHARE_OF_SECONDS = 0.25
"""There are many routes, so each sample is shorter."""
COLUMNS = (
    Column("route", "route"),
    Column("cpu", "CPU µs", meaning="CPU per request in µs; less is better"),
    Column("before", "before"),
    Column("ratio", "÷ before", 2),
    Column("errors", "errors"),
)


@dataclass(frozen=True)
class Shopper:
    """Whom and what requests are about, in one shop."""

    sku: str
    skus: Sequence[str]
    category: str
    guest: str
    user: str
    staff: str
    service_token: str
    cookies: str
    order_id: str


@dataclass(frozen=True)
class Route:
    """A route that can be requested again and again; `fails`: its response is an error."""

    service: str
    method: str
    template: str
    build: Callable[[Shopper], str]
    fails: bool

    @property
    def name(self) -> str:
        return f"{self.service} {self.method} {self.template}"


def _route(
    service: str,
    line: str,
    *,
    token: Callable[[Shopper], str] = lambda _: "",
    body: Callable[[Shopper], object] | None = None,
    headers: Callable[[Shopper], Mapping[str, str]] = lambda _: {},
    fails: bool = False,
) -> Route:
    """A route from its method and template, whose fields are those of a `Shopper`."""
    method, template = line.split(" ", 1)

    def build(shopper: Shopper) -> str:
        path = template.format(**vars(shopper))
        content = json.dumps(body(shopper)) if body else ""
        return request(method, path, token(shopper), body=content, **headers(shopper))

    return Route(service, method, template, build, fails)


def _lines(shopper: Shopper) -> list[dict[str, object]]:
    return [{"sku": shopper.sku, "quantity": 1}]


def _cookie(shopper: Shopper) -> Mapping[str, str]:
    return {"cookie": shopper.cookies}


def _service_token(shopper: Shopper) -> Mapping[str, str]:
    return {"x_service_token": shopper.service_token}


_cart = partial(_route, "cart", token=lambda shopper: shopper.guest)
_products = partial(_route, "products")
_user = partial(_route, "user")
_tracking = partial(_route, "tracking", token=lambda shopper: shopper.user)
_page = partial(_route, "storefront", headers=_cookie)

ROUTES: Sequence[Route] = (
    _cart("GET /v1/cart"),
    _cart("PUT /v1/cart/items/{sku}", body=lambda _: {"quantity": 2}),
    _cart("DELETE /v1/cart/items/{sku}"),
    _cart("DELETE /v1/cart"),
    _route(
        "cart",
        "POST /v1/cart:merge",
        token=lambda shopper: shopper.user,
        body=lambda shopper: {"guest_token": shopper.guest},
    ),
    _route(
        "cart",
        "POST /v1/cart:take",
        body=lambda shopper: {
            "order_id": "bench-order",
            "subject": "user_bench",
            "lines": _lines(shopper),
        },
        headers=_service_token,
    ),
    _cart("GET /livez"),
    _cart("GET /readyz"),
    _cart("GET /metrics"),
    _cart("GET /no-such-route", fails=True),
    _products("GET /v1/products"),
    _products("GET /v1/products?q=wheel"),
    _products("GET /v1/categories"),
    _products("GET /v1/products/{sku}"),
    _products("GET /v1/products/{sku}/image.svg"),
    _products("POST /v1/products:lookup", body=lambda shopper: {"skus": [shopper.sku]}),
    _products(
        "PUT /v1/products/{sku}/stock",
        token=lambda shopper: shopper.staff,
        body=lambda _: {"available": 1000},
        headers=lambda _: {"if_match": "*"},
    ),
    _products(
        "PUT /v1/reservations/bench-{sku}",
        body=lambda shopper: {"lines": _lines(shopper)},
        headers=_service_token,
    ),
    _products("POST /v1/reservations/bench-{sku}:release", headers=_service_token),
    _user("GET /v1/users/me", token=lambda shopper: shopper.user),
    _user("POST /v1/guests"),
    _user("GET /.well-known/jwks.json"),
    _user("GET /v1/deletions", headers=_service_token),
    _tracking("GET /v1/orders"),
    _tracking("GET /v1/orders/{order_id}"),
    _page("GET /"),
    _page("GET /search?q=wheel"),
    _page("GET /categories/{category}"),
    _page("GET /products/{sku}"),
    _page("GET /products/{sku}/image.svg"),
    _page("GET /cart"),
    _page("GET /login"),
    _page("GET /register"),
    _page("GET /docs"),
    _page("GET /favicon.ico"),
    _page("GET /robots.txt"),
    _page("GET /api/products/v1/products/{sku}"),
    _route("storefront", "GET /api/cart/v1/cart", token=lambda shopper: shopper.guest),
)


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    seconds = max(options.seconds * SHARE_OF_SECONDS, 0.1)
    connections = min(options.connections, CONNECTIONS)
    shorter = replace(options, seconds=seconds, connections=connections)
    rows: list[dict[str, Value]] = []
    async with running_shops(workbench, options, progress) as shops:
        for number, route in enumerate(ROUTES):
            share = number / len(ROUTES)
            progress(route.name, f"{number + 1} of {len(ROUTES)}", share=share)
            measured = await _measure(workbench, shops, route, shorter)
            rows.append(_row(route, measured))
    return [
        BenchResult(NAME, "All other routes, CPU of the service", COLUMNS, rows, gates=_gates(rows))
    ]


async def _measure(
    workbench: Workbench, shops: Sequence[Shop], route: Route, options: Options
) -> Measured:
    servers, requests = [], {}
    for shop in shops:
        # New for each route: a token is valid for some minutes only.
        shopper = await asyncio.to_thread(_new_shopper, await shop.client())
        # Several products: changes of one product would wait for each other.
        requests[shop.name] = [route.build(replace(shopper, sku=sku)) for sku in shopper.skus]
        servers.append(await shop.server(route.service))

    def requests_for(server: Server) -> Sequence[str]:
        return requests[server.name]

    return await measure(
        workbench,
        servers,
        Workload(requests_for, base=BEFORE),
        options=options,
        progress=lambda *_, **__: None,
    )


def _new_shopper(client: ShopClient) -> Shopper:
    skus = client.skus()
    sku = skus[0]
    user = client.account()
    return Shopper(
        sku=sku,
        skus=skus[:PRODUCTS],
        category=client.call("products", "GET", f"/v1/products/{sku}")["category"],
        guest=client.guest(),
        user=user,
        staff=client.session(STAFF_EMAIL),
        service_token=client.service_token,
        cookies=client.shopper_cookies(sku),
        order_id=client.order(user, skus[-1], key=str(uuid.uuid4())),
    )


def _row(route: Route, measured: Measured) -> dict[str, Value]:
    own, before = measured.median(OWN, "cpu"), measured.median(BEFORE, "cpu")
    return {
        "route": route.name,
        "cpu": own and own * 1e6,
        "before": before and before * 1e6,
        "ratio": measured.ratio("cpu", OWN, BEFORE),
        "errors": None if route.fails else _errors(measured),
    }


def _errors(measured: Measured) -> int:
    return sum(one.errors for samples in measured.samples.values() for one in samples)


def _gates(rows: Sequence[Mapping[str, Value]]) -> Sequence[Gate]:
    ratios = [ratio for row in rows if isinstance(ratio := row["ratio"], float)]
    return (
        Gate("the worst ÷ before", max(ratios, default=None), 1.0),
        Gate("median ÷ before", median(ratios) if ratios else None, 0.5),
    )
