"""After an account is deleted, its personal data is in no store and no log."""

import time
from collections.abc import Iterator

import pytest

from tests.support.shop import ADDRESS, SKU
from tests.system.shop import ORDINARY_START, RunningShop, shop_up

FORGOTTEN_WITHIN = 90.0
"""Seconds; it takes about half a minute on a busy machine."""
PERSONAL = (ADDRESS["name"], ADDRESS["line1"], ADDRESS["city"])


@pytest.fixture(scope="module", params=["sqlite", "real"])
def shop(request: pytest.FixtureRequest) -> Iterator[RunningShop]:
    quick = {"CARTWHEEL_COURIER_STEP_SECONDS": "0.2", "CARTWHEEL_DELETIONS_SECONDS": "1"}
    with shop_up(stores=request.param, **quick, **ORDINARY_START) as shop:
        yield shop


async def test_a_deleted_account_is_named_in_no_store_and_no_log(shop: RunningShop) -> None:
    person = shop.person()
    shop.set_stock(SKU, 5)
    shop.order(person)
    assert shop.request("user", "DELETE", "/v1/users/me", headers=person.headers).status_code == 204
    deadline = time.monotonic() + FORGOTTEN_WITHIN
    while found := await personal_data(shop, person.email):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    (order,) = shop.orders_of(person)
    assert (order["address"]["country"], order["status"]) == (ADDRESS["country"], "confirmed")


async def personal_data(shop: RunningShop, email: str) -> list[str]:
    """Rows and log lines that contain personal data."""
    orders = await shop.query("tracking", "SELECT address, reply_body FROM orders")
    accounts = await shop.query("user", "SELECT email, name FROM accounts")
    lines = [str(tuple(row)) for row in (*orders, *accounts)]
    for log in (shop.run.state / "logs").glob("*/*.log"):
        lines += log.read_text(errors="replace").splitlines()
    return [line for line in lines if any(part in line for part in (*PERSONAL, email))]
