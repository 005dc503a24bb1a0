"""A replica of a running shop whose clock is ten minutes ahead or behind."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
import pytest

from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.faults.effects import ShiftClock
from cartwheel.local.state_folder import StateFolder
from tests.support.shop import SKU
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

pytestmark = [
    pytest.mark.xdist_group("clocks"),
    pytest.mark.skipif(
        sys.platform != "linux" or shutil.which("faketime") is None,
        reason="a clock can be shifted on Linux with faketime only",
    ),
]

FAR = 600.0
JUMP = 25.0
"""Seconds; tokens from so near a future are accepted, so that the order can be read."""
GUESTS = 8
JOURNEY = ["confirmed", "packed", "shipped", "out_for_delivery", "delivered"]
COURIER_STEP = "3"
"""Seconds; the order is on its way for longer than it takes to replace a replica."""
DELIVERED_WITHIN = 90.0


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    with shop_up(stores="real", CARTWHEEL_COURIER_STEP_SECONDS=COURIER_STEP) as shop:
        yield shop


@contextmanager
def clock_shifted(shop: RunningShop, service: str, seconds: float) -> Iterator[None]:
    """One replica of the service has this clock during the block."""
    with open_fault_session(StateFolder.at(shop.run.state), "a test") as faults:
        faults.inject(ShiftClock(service, seconds))
        yield


def read_each_cart(shop: RunningShop, headers: Mapping[str, str]) -> list[httpx2.Response]:
    """The cart as each replica shows it."""
    urls = shop.own_urls("cart")
    return [httpx2.get(f"{url}/v1/cart", headers=dict(headers), timeout=10) for url in urls]


@pytest.mark.fault(32, store=("valkey", "postgres"))
@pytest.mark.parametrize("seconds", [FAR, -FAR])
async def test_tokens_of_a_user_replica_with_a_wrong_clock_are_as_good_as_any(
    shop: RunningShop, seconds: float, figure: Callable[..., None]
) -> None:
    await shop.scale("user", 2)
    with clock_shifted(shop, "user", seconds):
        guests = [
            {"authorization": f"Bearer {httpx2.post(f'{url}/v1/guests').json()['access_token']}"}
            for url in shop.own_urls("user") * GUESTS
        ]
        statuses = [one.status_code for each in guests for one in read_each_cart(shop, each)]
    figure("{} of {} accepted", statuses.count(HTTPStatus.OK), len(statuses))
    assert set(statuses) == {HTTPStatus.OK}


@pytest.mark.fault(32, store=("valkey", "postgres"))
async def test_a_cart_whose_clock_is_ahead_keeps_carts_as_long_as_the_others(
    shop: RunningShop,
) -> None:
    guest = shop.guest()
    with clock_shifted(shop, "cart", FAR):
        for url in shop.own_urls("cart"):
            added = httpx2.post(
                f"{url}/v1/cart/items", headers=guest, json={"sku": SKU, "quantity": 1}
            )
            assert added.status_code == HTTPStatus.OK
        carts = [one.json()["lines"] for one in read_each_cart(shop, guest)]
    assert [line["quantity"] for lines in carts for line in lines] == [2, 2]


@pytest.mark.fault(32, store=("valkey", "postgres"))
async def test_a_cart_whose_clock_is_behind_takes_no_token_from_its_future(
    shop: RunningShop,
) -> None:
    guest = shop.guest()
    with clock_shifted(shop, "cart", -FAR):
        statuses = sorted(one.status_code for one in read_each_cart(shop, guest))
    assert statuses == [HTTPStatus.OK, HTTPStatus.UNAUTHORIZED]
    assert {one.status_code for one in read_each_cart(shop, guest)} == {HTTPStatus.OK}


@pytest.mark.fault(33, store="postgres")
async def test_an_order_goes_its_way_in_sequence_when_the_clock_jumps_back(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    order_id = shop.order(person := shop.person())["id"]

    def events() -> list[dict[str, object]]:
        path = f"/v1/orders/{order_id}"
        order = shop.request("tracking", "GET", path, headers=person.headers).json()
        found: list[dict[str, object]] = order["shipment"]["events"]
        return found

    with clock_shifted(shop, "tracking", -JUMP):
        assert len(events()) < len(JOURNEY)
        await until(lambda: events()[-1]["status"] == JOURNEY[-1], within=DELIVERED_WITHIN)
    figure("{} events in sequence after a jump of {:g} s", len(events()), -JUMP)
    assert [event["status"] for event in events()] == JOURNEY
    assert [event["sequence"] for event in events()] == [1, 2, 3, 4, 5]
