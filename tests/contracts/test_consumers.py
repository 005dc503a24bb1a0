"""What a service asks its neighbours, and what it reads of their answers, is in their documents."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, SecretStr

from app.client import Transport, Upstream
from app.models import UpstreamModel
from app.telemetry.metrics import Metrics
from services.cart import clients as cart
from services.storefront import clients as storefront
from services.storefront import models as pages
from services.tracking import clients as tracking
from services.tracking.models import Money, OrderLine, Reason, StepRefusal
from tests.contracts.documents import document_of
from tests.contracts.schemas import (
    Operation,
    broken_promises,
    example,
    find_operation,
    path_values,
)
from tests.support.network import FakeNetwork
from tests.support.shop import ADDRESS, PASSWORD, SERVICE_TOKEN, Shop

ORDER_ID = "ord_12345678"
EMAIL = "ann@shop.example"
LINES = [
    OrderLine(sku="BIKE-1", name="Bike", quantity=2, unit_price=Money(amount=1999, currency="EUR"))
]
KNOWN_TO_ALL = frozenset({"x-request-id", "traceparent", "x-request-timeout-ms", "x-forwarded-for"})
"""Headers between services that are no matter of one operation."""
OF_HTTP = frozenset(
    {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}
    | {"content-type", "authorization", "x-service-token", "if-none-match"}
)


class DocumentedNeighbour:
    """Refuses what its document does not have, and answers the least that the document promises."""

    def __init__(self, service: str) -> None:
        self._document = document_of(service)
        self.asked: list[Operation] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        operation = find_operation(self._document, request.method, request.url.path)
        self.asked.append(operation)
        self._check_parameters(operation, request)
        self._check_caller(operation, request)
        body = request.content
        if body or "requestBody" in operation.definition:
            operation.check(json.loads(body), operation.request_schema())
        return self._answer(operation, path_values(operation, request.url.path))

    def _check_parameters(self, operation: Operation, request: httpx2.Request) -> None:
        for name, value in path_values(operation, request.url.path).items():
            operation.check(value, operation.parameters("path")[name])
        query = operation.parameters("query")
        assert request.url.params.keys() <= query.keys()
        extra = {name.lower() for name in request.headers} - OF_HTTP - KNOWN_TO_ALL
        assert extra <= operation.parameters("header").keys()

    def _check_caller(self, operation: Operation, request: httpx2.Request) -> None:
        if "accessToken" in operation.schemes():
            assert request.headers["authorization"].startswith("Bearer ")
        if "serviceToken" in operation.schemes():
            assert request.headers["x-service-token"] == SERVICE_TOKEN

    def _answer(self, operation: Operation, asked: Mapping[str, str]) -> httpx2.Response:
        status = operation.success()
        content = operation.definition["responses"][str(status)].get("content", {})
        if "application/json" not in content:
            headers = {"content-type": next(iter(content), "")}
            return httpx2.Response(status, content=b"", headers=headers)
        body = example(operation.response_schema(status), operation.document)
        about = {name: value for name, value in asked.items() if name in body}
        return httpx2.Response(status, json=body | about)


def upstream(service: str, url: str, *, transport: Transport | None = None) -> Upstream:
    return Upstream(
        service,
        url,
        metrics=Metrics("consumer"),
        service_tokens=(SecretStr(SERVICE_TOKEN),),
        transport=transport,
    )


def _cart_products(products: Upstream) -> cart.ProductsClient:
    return cart.ProductsClient(products, Metrics("cart"))


@dataclass(frozen=True)
class Call:
    """A method of a client, and how to call it."""

    provider: str
    make: Callable[[Upstream], Any]
    method: str
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.make.__module__}-{self.make.__name__}-{self.method}"

    async def on(self, neighbour: Upstream) -> Any:
        return await getattr(self.make(neighbour), self.method)(
            *self.arguments, **(self.named or {})
        )


_to_products = partial(Call, "products", storefront.Products)
_to_cart = partial(Call, "cart", storefront.Carts)
_to_user = partial(Call, "user", storefront.Users)
_to_tracking = partial(Call, "tracking", storefront.Orders)

CALLS = (
    Call("products", _cart_products, "exists", ("BIKE-1",)),
    Call("products", tracking.ProductsClient, "look_up", (["BIKE-1"],)),
    Call("products", tracking.ProductsClient, "reserve", (ORDER_ID, LINES)),
    Call("products", tracking.ProductsClient, "commit", (ORDER_ID,)),
    Call("products", tracking.ProductsClient, "release", (ORDER_ID,)),
    Call("user", tracking.UserClient, "deletions", ("a-cursor",), {"limit": 100}),
    Call("cart", tracking.CartClient, "read", ("a-token",)),
    Call("cart", tracking.CartClient, "take", (ORDER_ID,), {"subject": "user_1", "lines": LINES}),
    Call("cart", tracking.CartClient, "cancel_take", (ORDER_ID,), {"subject": "user_1"}),
    _to_products(
        "list",
        (pages.ProductQuery(category="bicycles", text="a", sort="name", cursor="c"),),
        {"limit": 24},
    ),
    _to_products("categories"),
    _to_products("find", ("BIKE-1",)),
    _to_products("lookup", (["BIKE-1"],)),
    _to_products("image", ("BIKE-1",), {"etag": '"a"'}),
    _to_cart("read", ("a-token",)),
    _to_cart("add", ("a-token", "BIKE-1", 2), {"key": "key-1"}),
    _to_cart("set_quantity", ("a-token", "BIKE-1", 2)),
    _to_cart("remove", ("a-token", "BIKE-1")),
    _to_cart("merge", ("a-token",), {"guest_token": "a.guest.token"}),
    _to_user("create_guest", (), {"client_address": "192.0.2.1", "key": "f3a1" * 16}),
    _to_user(
        "register",
        (),
        {"email": EMAIL, "password": PASSWORD, "name": "Ann", "client_address": "127.0.0.1"},
    ),
    _to_user("log_in", (), {"email": EMAIL, "password": PASSWORD, "client_address": "127.0.0.1"}),
    _to_user("refresh", ("a-refresh-token",)),
    _to_user("log_out", ("a-token",)),
    _to_user("account", ("a-token",)),
    _to_user("change", ("a-token",), {"client_address": "192.0.2.1", "name": "Ann"}),
    _to_tracking(
        "place",
        ("a-token",),
        {
            "key": "key-1",
            "total": pages.Money(amount=1999, currency="EUR"),
            "address": pages.Address(**ADDRESS),
            "timeout": 5.0,
        },
    ),
    _to_tracking("list", ("a-token",), {"cursor": "c", "limit": 20}),
    _to_tracking("find", ("a-token", ORDER_ID)),
    _to_tracking("cancel", ("a-token", ORDER_ID)),
)


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_call_is_one_the_neighbour_documents(call: Call) -> None:
    neighbour = DocumentedNeighbour(call.provider)
    async with upstream(
        call.provider, "http://neighbour", transport=FakeNetwork(neighbour)
    ) as asked:
        await call.on(asked)
    assert len(neighbour.asked) == 1


@pytest.mark.parametrize(
    "client",
    [
        cart.ProductsClient,
        tracking.ProductsClient,
        tracking.CartClient,
        tracking.UserClient,
        storefront.Products,
        storefront.Carts,
        storefront.Users,
        storefront.Orders,
    ],
    ids=lambda client: f"{client.__module__}.{client.__name__}",
)
def test_no_method_of_a_client_is_forgotten_here(client: type) -> None:
    makers: set[Any] = {client} | ({_cart_products} if client is cart.ProductsClient else set())
    methods = {
        name
        for name, _ in inspect.getmembers(client, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert methods == {call.method for call in CALLS if call.make in makers}


# Who reads what: the model, and the operation whose good answer it is made of.
READINGS: tuple[tuple[type[BaseModel], str, str, str], ...] = (
    (tracking._Products, "products", "POST", "/v1/products:lookup"),
    (tracking.Deletions, "user", "GET", "/v1/deletions"),
    (tracking.Cart, "cart", "GET", "/v1/cart"),
    (pages.ProductPage, "products", "GET", "/v1/products"),
    (pages.Product, "products", "GET", "/v1/products/BIKE-1"),
    (pages.Categories, "products", "GET", "/v1/categories"),
    (pages.Lookup, "products", "POST", "/v1/products:lookup"),
    (pages.Cart, "cart", "POST", "/v1/cart:merge"),
    (pages.Tokens, "user", "POST", "/v1/guests"),
    (pages.Tokens, "user", "POST", "/v1/sessions"),
    (pages.Tokens, "user", "POST", "/v1/sessions:refresh"),
    (pages.Order, "tracking", "POST", "/v1/orders"),
    (pages.Order, "tracking", "GET", f"/v1/orders/{ORDER_ID}"),
    (pages.OrderPage, "tracking", "GET", "/v1/orders"),
)


@pytest.mark.parametrize(("model", "provider", "method", "path"), READINGS)
def test_each_field_that_is_read_is_promised(
    model: type[BaseModel], provider: str, method: str, path: str
) -> None:
    operation = find_operation(document_of(provider), method, path)
    promised = operation.response_schema(operation.success())
    reader = model.model_json_schema(mode="validation")
    assert list(broken_promises(reader, reader, promised, operation.document)) == []


def test_a_promise_that_is_not_kept_is_noticed() -> None:
    class Renamed(UpstreamModel):
        sku: str
        cost: int

    class Choosy(UpstreamModel):
        sku: int

    operation = find_operation(document_of("products"), "GET", "/v1/products/BIKE-1")
    promised = operation.response_schema(200)
    for model, expected in (
        (Renamed, ["/cost is not in the document"]),
        (Choosy, ["/sku may be of type string"]),
    ):
        reader = model.model_json_schema()
        assert list(broken_promises(reader, reader, promised, operation.document)) == expected


async def test_a_shortage_is_understood(shop: Shop) -> None:
    """What a refusal says beside the common members is in no document: a real one is read."""
    shop.request(
        "products", "PUT", "/v1/products/BIKE-PENNY-01/stock", json={"available": 1},
        headers=shop.staff,
    )  # fmt: skip
    line = LINES[0].model_copy(update={"sku": "BIKE-PENNY-01"})
    async with upstream("products", shop.url("products")) as products:
        refusal = await tracking.ProductsClient(products).reserve("short-order", [line])
    assert refusal == StepRefusal(Reason.OUT_OF_STOCK, {"BIKE-PENNY-01": 1})


def test_the_stream_the_pages_relay_is_documented() -> None:
    path = f"/v1/orders/{ORDER_ID}/events"
    operation = find_operation(document_of("tracking"), "GET", path)
    assert "text/event-stream" in operation.definition["responses"]["200"]["content"]
    assert "last-event-id" in operation.parameters("header")
