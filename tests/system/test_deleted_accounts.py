"""After an account is deleted, its personal data is in no store and no log."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.support.shop import ADDRESS, SKU, Person
from tests.system.shop import ORDINARY_START, RunningShop, shop_up

STORES = ("sqlite", "real")
QUICK = {"CARTWHEEL_COURIER_STEP_SECONDS": "0.2", "CARTWHEEL_DELETIONS_SECONDS": "1"}
FORGOTTEN_WITHIN = 90.0
"""Seconds; it takes about half a minute on a busy machine."""
PERSONAL = (ADDRESS["name"], ADDRESS["line1"], ADDRESS["city"])


@pytest.fixture(scope="module")
def people() -> Iterator[Mapping[str, tuple[RunningShop, Person]]]:
    """A person whose account was deleted, in a shop on each kind of stores.

    A deletion is listed only when it is 15 seconds old: one waits while the other shop starts.
    """
    with ExitStack() as stack:
        yield {stores: deleted_person(stores, stack) for stores in STORES}


def deleted_person(stores: str, stack: ExitStack) -> tuple[RunningShop, Person]:
    shop = stack.enter_context(shop_up(stores=stores, **QUICK, **ORDINARY_START))
    person = shop.person()
    shop.set_stock(SKU, 5)
    shop.order(person)
    assert shop.request("user", "DELETE", "/v1/users/me", headers=person.headers).status_code == 204
    return shop, person


@pytest.fixture
def shop(people: Mapping[str, tuple[RunningShop, Person]], stores: str) -> RunningShop:
    return people[stores][0]


@pytest.fixture
def person(people: Mapping[str, tuple[RunningShop, Person]], stores: str) -> Person:
    return people[stores][1]


@pytest.mark.parametrize("stores", STORES)
async def test_a_deleted_account_is_named_in_no_store_and_no_log(
    shop: RunningShop, person: Person
) -> None:
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
