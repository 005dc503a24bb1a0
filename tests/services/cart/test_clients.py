"""The cart's client of the products service, and its cache."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from app.client import Upstream, UpstreamError
from app.client.retry_budget import MIN_BACKOFF
from app.telemetry.context import Deadline, RequestContext, use_context
from app.telemetry.metrics import Metrics
from services.cart.clients import FRESH_SECONDS, RETRY_SECONDS, USABLE_SECONDS, ProductsClient
from tests.services.cart.shop import FakeProducts
from tests.support.lost_errors import no_lost_errors
from tests.support.network import FakeNetwork


class Clock:
    """A clock that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def neighbour() -> FakeProducts:
    return FakeProducts()


@pytest.fixture
async def products(neighbour: FakeProducts, clock: Clock) -> AsyncIterator[ProductsClient]:
    metrics = Metrics("cart")
    transport = FakeNetwork(neighbour)
    async with Upstream(
        "products", "http://products:8000", metrics=metrics, transport=transport
    ) as upstream:
        yield ProductsClient(upstream, metrics, clock=clock)


async def test_a_known_product_is_asked_for_again_when_it_is_stale(
    products: ProductsClient, neighbour: FakeProducts, clock: Clock
) -> None:
    assert await products.exists("MUG")
    clock.now += FRESH_SECONDS * 0.8
    assert await products.exists("MUG")
    assert neighbour.asked == ["MUG"]

    clock.now += FRESH_SECONDS * 0.4
    assert await products.exists("MUG")
    assert neighbour.asked == ["MUG", "MUG"]


async def test_a_product_taken_out_of_the_shop_is_noticed(
    products: ProductsClient, neighbour: FakeProducts, clock: Clock
) -> None:
    assert await products.exists("MUG")
    neighbour.missing = ("MUG",)
    clock.now += FRESH_SECONDS * 1.2

    assert not await products.exists("MUG")
    neighbour.down = True
    with pytest.raises(UpstreamError):
        await products.exists("MUG")


async def test_while_products_is_down_what_is_known_is_good_for_an_hour(
    products: ProductsClient, neighbour: FakeProducts, clock: Clock
) -> None:
    assert await products.exists("MUG")
    neighbour.down = True

    clock.now += USABLE_SECONDS * 0.9
    assert await products.exists("MUG")
    clock.now += USABLE_SECONDS * 0.2
    with pytest.raises(UpstreamError):
        await products.exists("MUG")


async def test_a_neighbour_that_is_down_is_not_asked_for_every_add(
    products: ProductsClient, neighbour: FakeProducts, clock: Clock
) -> None:
    assert await products.exists("MUG")
    neighbour.down = True
    clock.now += FRESH_SECONDS * 1.2
    assert await products.exists("MUG")
    asked = len(neighbour.asked)

    assert await products.exists("MUG")
    assert len(neighbour.asked) == asked

    neighbour.down = False
    clock.now += RETRY_SECONDS * 1.1
    assert await products.exists("MUG")
    assert len(neighbour.asked) == asked + 1


async def test_an_impatient_caller_does_not_take_the_answer_from_the_others(
    products: ProductsClient,
) -> None:
    impatient = asyncio.create_task(products.exists("MUG"))
    patient = asyncio.create_task(products.exists("MUG"))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient


async def test_an_error_that_nobody_waits_for_any_more_is_no_news(
    neighbour: FakeProducts,
) -> None:
    may_respond = asyncio.Event()

    async def respond(request: httpx2.Request) -> httpx2.Response:
        await may_respond.wait()
        return neighbour(request)

    metrics = Metrics("cart")
    transport = FakeNetwork(respond)
    async with Upstream(
        "products", "http://products:8000", metrics=metrics, transport=transport
    ) as upstream:
        products = ProductsClient(upstream, metrics)
        others = asyncio.all_tasks()
        with no_lost_errors():
            gone = asyncio.create_task(products.exists("MUG"))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait({gone})
            neighbour.down = True
            may_respond.set()
            await asyncio.wait(asyncio.all_tasks() - others)


async def test_a_caller_in_a_hurry_does_not_hurry_the_others(neighbour: FakeProducts) -> None:
    async def respond(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0.1)
        return neighbour(request)

    metrics = Metrics("cart")
    transport = FakeNetwork(respond)
    async with Upstream(
        "products", "http://products:8000", metrics=metrics, transport=transport
    ) as upstream:
        products = ProductsClient(upstream, metrics)
        with use_context(RequestContext(deadline=Deadline.after(0.04))):
            hurried = asyncio.create_task(products.exists("MUG"))
        await asyncio.sleep(0)

        assert await products.exists("MUG")
        assert await hurried


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, json={"sku": "OTHER"}),
        httpx2.Response(200, content=b"<html>Welcome</html>"),
        httpx2.Response(201, json={"sku": "MUG"}),
        httpx2.Response(204),
        httpx2.Response(302, headers={"location": "/login"}),
        httpx2.Response(404, content=b"404 page not found"),
        httpx2.Response(401, json={"type": "urn:cartwheel:problem:unauthenticated"}),
        httpx2.Response(422, json={"type": "urn:cartwheel:problem:unprocessable-payload"}),
        httpx2.Response(999, json={"sku": "MUG"}),
    ],
    ids=lambda response: f"{response.status_code} {response.text[:20]}",
)
async def test_what_is_no_answer_about_the_product_sells_nothing(
    response: httpx2.Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.client.retry_budget.MAX_BACKOFF", MIN_BACKOFF)
    metrics = Metrics("cart")
    transport = FakeNetwork(lambda request: response)
    async with Upstream(
        "products", "http://products:8000", metrics=metrics, transport=transport
    ) as upstream:
        products = ProductsClient(upstream, metrics)
        for _ in range(25):
            with pytest.raises(UpstreamError):
                await products.exists("MUG")

        assert not upstream.available, "it was not counted as a failure"


async def test_an_answer_that_is_neither_yes_nor_no_is_not_remembered(
    products: ProductsClient, neighbour: FakeProducts
) -> None:
    neighbour.down = True
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await products.exists("MUG")
    neighbour.down = False

    assert await products.exists("MUG")
