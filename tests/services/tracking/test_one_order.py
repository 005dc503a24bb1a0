"""One state of a cart makes one order, however often and wherever it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.services.tracking.backend import Shop, eventually
from tests.services.tracking.running_service import Customer, RunningService, eur, run_service
from tests.services.tracking.tracking_processes import tracking_processes
from tests.support.identity import bearer

KEYS = [f"key-{number}" for number in range(50)]


@pytest.fixture
async def service(sqlite_shop: Shop) -> AsyncIterator[RunningService]:
    async with run_service(sqlite_shop) as opened:
        yield opened


@asynccontextmanager
async def two_replicas(shop: Shop, folder: Path) -> AsyncIterator[list[httpx2.AsyncClient]]:
    # For many at once on a crowded machine.
    timeout = {"request_timeout": "60", "checkout_patience": "50", "stall_seconds": "2"}
    async with (
        tracking_processes(shop, folder) as processes,
        processes.tracking(**timeout) as one,
        processes.tracking(**timeout) as other,
        httpx2.AsyncClient(base_url=one.url, timeout=60) as first,
        httpx2.AsyncClient(base_url=other.url, timeout=60) as second,
    ):
        yield [first, second]


def is_ordered_already(answer: httpx2.Response, order_id: str) -> bool:
    problem = answer.json()
    return (
        answer.status_code == 409
        and problem["type"] == "urn:cartwheel:problem:already-ordered"
        and problem["order_id"] == order_id
        and order_id in problem["detail"]
    )


@pytest.mark.fault(42, store=("sqlite", "postgres"))
async def test_fifty_parallel_checkouts_with_fifty_keys_make_one_order(
    shop: Shop, tmp_path: Path
) -> None:
    async with two_replicas(shop, tmp_path) as replicas:
        customers = [Customer(replica, bearer("user_ada")) for replica in replicas]
        answers = await asyncio.gather(
            *(insist(customers[n % 2], key=key) for n, key in enumerate(KEYS))
        )
        placed = [answer.json() for answer in answers if answer.status_code == 201]
        assert len(placed) == 1
        refused = [answer for answer in answers if answer.status_code != 201]
        assert all(is_ordered_already(answer, placed[0]["id"]) for answer in refused)
        orders = (await customers[0].get("/v1/orders", limit=100)).json()["items"]
        assert [order["status"] for order in orders] == ["confirmed"]
    assert shop.products.stock("LAMP") == 8


async def test_a_cart_whose_order_is_pending_is_not_ordered_again(sqlite_shop: Shop) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=1.0, checkout_patience=0.1
    ) as service:
        first = await service.customer().check_out(key="first")
        assert first.status_code == 202
        for number in range(7):
            again = await service.customer().check_out(key=f"again-{number}")
            assert is_ordered_already(again, first.json()["id"])
        replayed = await service.customer().check_out(key="first")
        assert (replayed.status_code, replayed.content) == (202, first.content)


async def test_a_cart_that_was_changed_while_its_order_is_pending_waits_for_it(
    sqlite_shop: Shop,
) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=0.5, checkout_patience=0.1
    ) as service:
        first = await service.customer().check_out(key="first")
        sqlite_shop.carts.fill("user_ada", LAMP=3)
        refused = await service.customer().check_out(eur(1500), key="second")
        assert is_ordered_already(refused, first.json()["id"])

        async def is_confirmed() -> bool:
            order = await service.customer().get(first.headers["location"])
            return bool(order.json()["status"] == "confirmed")

        await eventually(is_confirmed)
        assert sqlite_shop.carts.lines["user_ada"] == {"LAMP": 1}
        second = await service.customer().check_out(eur(500), key="second")
        assert (second.status_code, sqlite_shop.products.stock("LAMP")) == (202, 7)


async def test_an_order_placed_while_the_cart_is_read_wins(sqlite_shop: Shop) -> None:
    """It is confirmed by now, and the cart that we read held what it took, and more."""
    carts = sqlite_shop.carts
    seen_late: list[httpx2.Response] = []
    placed: list[httpx2.Response] = []

    def add_one_more(operation: str) -> str | None:
        if operation == "commit":
            carts.lines["user_ada"] = {"LAMP": 3}
            seen_late.append(carts.cart_of("user_ada"))
        return None

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/v1/cart" or waiting.locked():
            return carts(request)
        async with waiting:
            placed.append(await service.customer().check_out(key="first"))
            return seen_late[0]

    waiting = asyncio.Lock()
    sqlite_shop.products.trouble = add_one_more
    async with run_service(sqlite_shop, cart=answer) as service:
        late = await service.customer().check_out(eur(1500), key="late")
    assert placed[0].status_code == 201
    assert is_ordered_already(late, placed[0].json()["id"])
    assert sqlite_shop.products.stock("LAMP") == 8
    assert carts.lines["user_ada"] == {"LAMP": 1}


@dataclass
class CartWithLateTake:
    """The shop's carts. The first take is delivered late, and no other until then."""

    shop: Shop
    late: list[httpx2.Request] = field(default_factory=list)
    is_down: bool = True

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/cart:take" and self.is_down:
            self.late.append(request)
            raise httpx2.ConnectError("the connection broke", request=request)
        return self.shop.carts(request)

    async def deliver(self) -> None:
        self.is_down = False
        self.shop.carts(self.late[0])


@pytest.mark.fault(53, store="sqlite")
async def test_no_order_is_placed_while_a_cancelled_one_can_take_from_the_cart(
    sqlite_shop: Shop,
) -> None:
    """The take would remove what was added after the next order had read the cart."""
    cart = CartWithLateTake(sqlite_shop)
    async with run_service(
        sqlite_shop, cart=cart, checkout_patience=0.5, sweep_seconds=60.0
    ) as service:
        customer = service.customer()
        first = (await customer.check_out(key="first")).json()["id"]
        await customer.cancel(first)
        refused = await customer.check_out(key="second")
        await cart.deliver()
        await customer.cancel(first)
        sqlite_shop.carts.fill("user_ada", LAMP=2)
        assert is_in_progress(refused)
        assert (await customer.check_out(key="second")).status_code == 201


@pytest.mark.fault(53, store="sqlite")
@pytest.mark.parametrize(("is_placed", "left"), [("before", 2), ("meanwhile", 1)])
async def test_a_late_take_while_the_next_order_reads_the_cart_costs_no_piece(
    sqlite_shop: Shop, is_placed: str, left: int
) -> None:
    """The first order is undone, and one lamp added, before the response of the cart arrives.

    If it is placed before, the cart is not even read.
    """
    cart = CartWithLateTake(sqlite_shop)
    reading = asyncio.Lock()
    sqlite_shop.products.add("LAMP", price=500, stock=10)

    async def order_and_cancel() -> str:
        order_id = str((await customer.check_out(key="first")).json()["id"])
        await customer.cancel(order_id)
        return order_id

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/v1/cart" or not reading.locked() or seen:
            return await cart(request)
        seen.append(await cart(request))
        order_id = first or await order_and_cancel()
        await cart.deliver()
        await customer.cancel(order_id)
        sqlite_shop.carts.fill("user_ada", LAMP=1)
        return seen[0]

    seen: list[httpx2.Response] = []
    async with run_service(
        sqlite_shop, cart=answer, checkout_patience=0.5, sweep_seconds=60.0
    ) as service:
        customer = service.customer()
        first = await order_and_cancel() if is_placed == "before" else ""
        async with reading:
            second = await customer.check_out(key="second")
    assert second.status_code == 409
    assert sqlite_shop.carts.lines["user_ada"] == {"LAMP": left}


@pytest.mark.fault(52, store="sqlite")
async def test_a_cart_that_expires_after_it_was_read_is_ordered_once_all_the_same(
    sqlite_shop: Shop,
) -> None:
    """The shopper has agreed to what was read. Nothing is left that could be ordered again."""

    def expire(operation: str) -> str | None:
        if operation == "commit":
            sqlite_shop.carts.lines.clear()
        return None

    sqlite_shop.products.trouble = expire
    async with run_service(sqlite_shop) as service:
        first = await service.customer().check_out(key="first")
        again = await service.customer().check_out(key="second")
    assert (first.status_code, again.status_code) == (201, 409)
    assert sqlite_shop.products.stock("LAMP") == 8


@pytest.mark.fault(52, store=("sqlite", "postgres"))
async def test_a_checkout_after_the_cart_was_emptied_names_the_order(
    service: RunningService,
) -> None:
    first = await service.customer().check_out(key="first")
    again = await service.customer().check_out(key="second")
    assert is_ordered_already(again, first.json()["id"])


async def test_a_cancelled_order_frees_its_cart(sqlite_shop: Shop) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=1.0, checkout_patience=0.1
    ) as service:
        first = await service.customer().check_out(key="first")
        assert (await service.customer().cancel(first.json()["id"])).status_code in (200, 202)
        second = await service.customer().check_out(key="second")
        assert second.status_code == 202
        assert second.json()["id"] != first.json()["id"]


async def test_a_refused_order_frees_its_cart(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, payment_mode="decline") as service:
        for key in ("first", "second"):
            answer = await service.customer().check_out(key=key)
            assert answer.json()["type"] == "urn:cartwheel:problem:payment-declined"


async def test_an_order_cancelled_after_it_was_confirmed_lets_the_next_one_through(
    service: RunningService,
) -> None:
    first = await service.customer().check_out(key="first")
    assert (await service.customer().cancel(first.json()["id"])).status_code == 200
    service.shop.carts.fill("user_ada", LAMP=2)
    second = await service.customer().check_out(key="second")
    assert (second.status_code, service.shop.products.stock("LAMP")) == (201, 8)


async def test_the_same_goods_put_in_again_are_another_order(service: RunningService) -> None:
    for key in ("first", "second"):
        service.shop.carts.fill("user_ada", LAMP=2)
        assert (await service.customer().check_out(key=key)).status_code == 201
    assert service.shop.products.stock("LAMP") == 6


def is_in_progress(answer: httpx2.Response) -> bool:
    return bool(answer.json().get("type") == "urn:cartwheel:problem:in-progress")


async def insist(customer: Customer, *, key: str) -> httpx2.Response:
    """Ask with the same key until there is an answer, as a client does on a crowded machine."""
    async with asyncio.timeout(60):
        while True:
            answer = await customer.check_out(key=key)
            if answer.status_code != 503 and not is_in_progress(answer):
                return answer
            await asyncio.sleep(0.1)
