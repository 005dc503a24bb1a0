"""The repositories, over each store."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.stores.database import Database
from app.stores.statements import Statement
from services.products.models import Line, Money, ProductDetails, ReservationStatus, Sort
from services.products.repository import (
    CatalogueRepository,
    Listing,
    NewProduct,
    OutOfStock,
    PagePosition,
    ReservationClosed,
    ReservationMismatch,
    ReservationRepository,
    UnknownReservation,
)
from services.products.search import parse_search

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=15)


def details(name: str = "Thing", *, price: int = 100, category: str = "things") -> ProductDetails:
    return ProductDetails(
        name=name,
        summary="It rolls.",
        description="Round on the outside.",
        category=category,
        price=Money(amount=price, currency="EUR"),
    )


def new_product(
    sku: str, name: str = "Thing", *, stock: int = 10, price: int = 100, days: int = 0
) -> NewProduct:
    added_at = NOON + timedelta(days=days)
    return NewProduct(sku, details(name, price=price), available=stock, added_at=added_at)


@pytest.fixture
def catalogue(database: Database) -> CatalogueRepository:
    return CatalogueRepository(database)


@pytest.fixture
def reservations(database: Database) -> ReservationRepository:
    return ReservationRepository(database)


@pytest.fixture
async def stocked(catalogue: CatalogueRepository) -> CatalogueRepository:
    products = [
        new_product("A-1", stock=5),
        new_product("B-1", stock=5),
        new_product("C-1", stock=0),
    ]
    await catalogue.add_missing([("things", "Things")], products)
    return catalogue


async def available(catalogue: CatalogueRepository) -> dict[str, int]:
    found = await catalogue.find_many(["A-1", "B-1", "C-1"])
    return {sku: product.available for sku, product in found.items()}


def lines(**quantities: int) -> list[Line]:
    return [Line(sku=f"{name}-1", quantity=quantity) for name, quantity in quantities.items()]


async def test_goods_are_added_once(catalogue: CatalogueRepository) -> None:
    categories = [("things", "Things")]
    assert await catalogue.add_missing(categories, [new_product("A-1"), new_product("B-1")]) == 2
    assert (
        await catalogue.add_missing(categories, [new_product("A-1", "Other"), new_product("C-1")])
        == 1
    )
    stored = await catalogue.find("A-1")
    assert stored is not None
    assert stored.product.name == "Thing"


async def test_racing_seeds_add_each_product_once(catalogue: CatalogueRepository) -> None:
    products = [new_product(f"SKU-{number}") for number in range(20)]
    added = await asyncio.gather(
        *(catalogue.add_missing([("things", "Things")], products) for _ in range(4))
    )
    assert sum(added) == 20


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NAME, ["C-1", "A-1", "B-1", "D-1"]),
        (Sort.CHEAPEST, ["B-1", "D-1", "A-1", "C-1"]),
        (Sort.DEAREST, ["C-1", "A-1", "B-1", "D-1"]),
        (Sort.NEWEST, ["D-1", "C-1", "B-1", "A-1"]),
    ],
)
async def test_pages_of_any_size_are_the_same_list(
    catalogue: CatalogueRepository, sort: Sort, expected: list[str]
) -> None:
    products = [
        new_product("A-1", "bell", price=300, days=1),
        new_product("B-1", "Bell", price=200, days=2),
        new_product("C-1", "Axle", price=400, days=3),
        new_product("D-1", "Öl", price=200, days=4),
    ]
    await catalogue.add_missing([("things", "Things")], products)
    for size in (1, 2, 3, 4):
        seen: list[str] = []
        position = None
        while page := await catalogue.page(Listing(sort=sort), limit=size, position=position):
            seen += [stored.product.sku for stored in page]
            position = PagePosition(page[-1].sort_value(sort), page[-1].product.sku)
        assert seen == expected
        back: list[str] = []
        position = PagePosition(page_end(sort), "Z-1", backwards=True)
        while page := await catalogue.page(Listing(sort=sort), limit=size, position=position):
            back = [stored.product.sku for stored in page] + back
            position = PagePosition(page[0].sort_value(sort), page[0].product.sku, backwards=True)
        assert back == expected


def page_end(sort: Sort) -> str | int:
    """A value after all others in this order."""
    return {Sort.NAME: "\uffff", Sort.CHEAPEST: 10**9}.get(sort, 0)


async def test_a_list_keeps_to_stock_and_price(catalogue: CatalogueRepository) -> None:
    products = [
        new_product("A-1", price=100),
        new_product("B-1", price=200, stock=0),
        new_product("C-1", price=300),
    ]
    await catalogue.add_missing([("things", "Things")], products)

    async def skus(**wanted: Any) -> list[str]:
        listing = Listing(**wanted)
        found = [stored.product.sku for stored in await catalogue.page(listing, limit=10)]
        assert await catalogue.count(listing) == len(found)
        return found

    assert await skus() == ["A-1", "B-1", "C-1"]
    assert await skus(in_stock=True) == ["A-1", "C-1"]
    assert await skus(min_price=200) == ["B-1", "C-1"]
    assert await skus(max_price=200) == ["A-1", "B-1"]
    assert await skus(min_price=101, max_price=299, in_stock=True) == []


async def test_goods_that_older_code_added_are_found_and_learn_their_terms(
    catalogue: CatalogueRepository, database: Database
) -> None:
    await catalogue.add_missing([("things", "Things")], [new_product("A-1", "Steel axles")])
    async with database.transaction("forget_terms") as connection:
        await connection.execute(Statement("UPDATE products SET search_terms = NULL"))
    assert await catalogue.count(Listing(words=parse_search("axles", max_words=8))) == 1
    assert await catalogue.refresh_search_terms() == 1
    assert await catalogue.refresh_search_terms() == 0
    assert await catalogue.count(Listing(words=parse_search("ÀXLE", max_words=8))) == 1


@pytest.mark.fault(63, store=("sqlite", "postgres"))
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("AXLE",), ["A-1"]),
        (("steel", "axle"), ["A-1"]),
        (("100%",), ["B-1"]),
        (("_",), ["B-1"]),
        (("!",), ["B-1"]),
        (("größe",), ["B-1"]),
        (("'; DROP TABLE products; --",), []),
    ],
)
async def test_a_search_takes_every_sign_literally(
    catalogue: CatalogueRepository, words: tuple[str, ...], expected: list[str]
) -> None:
    products = [new_product("A-1", "Steel axle"), new_product("B-1", "GRÖSSE_1! 100% wheel")]
    await catalogue.add_missing([("things", "Things")], products)
    listing = Listing(words=parse_search(" ".join(words), max_words=8))
    found = await catalogue.page(listing, limit=10)
    assert [stored.product.sku for stored in found] == expected


async def test_a_list_keeps_to_its_category(catalogue: CatalogueRepository) -> None:
    await catalogue.add_missing([("things", "Things"), ("none", "Nothing")], [new_product("A-1")])
    assert len(await catalogue.page(Listing(category="things"), limit=10)) == 1
    assert await catalogue.page(Listing(category="none"), limit=10) == []
    counts = {category.slug: category.count for category in await catalogue.categories()}
    assert counts == {"things": 1, "none": 0}


async def test_a_change_expects_the_version_it_was_made_for(stocked: CatalogueRepository) -> None:
    before = await stocked.find("A-1")
    assert before is not None
    assert await stocked.change("A-1", details("First"), version=before.version) is not None
    assert await stocked.change("A-1", details("Second"), version=before.version) is None
    assert await stocked.set_stock("A-1", 3, version=before.version) is None
    after = await stocked.find("A-1")
    assert after is not None
    assert (after.product.name, after.product.available) == ("First", 5)


async def test_a_reservation_takes_all_its_lines(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    reservation, is_new = await reservations.reserve("order_01", lines(B=1, A=2), expires_at=LATER)
    assert is_new
    assert reservation.status is ReservationStatus.RESERVED
    assert reservation.lines == lines(A=2, B=1)
    assert reservation.expires_at == LATER
    assert await available(stocked) == {"A-1": 3, "B-1": 4, "C-1": 0}


async def test_a_reservation_that_lacks_one_line_takes_none(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    wanted = [*lines(A=1, B=6, C=1), Line(sku="NOPE-1", quantity=1)]
    with pytest.raises(OutOfStock) as refused:
        await reservations.reserve("order_01", wanted, expires_at=LATER)
    assert refused.value.extensions["unavailable"] == [
        {"sku": "B-1", "requested": 6, "available": 5},
        {"sku": "C-1", "requested": 1, "available": 0},
        {"sku": "NOPE-1", "requested": 1, "available": 0},
    ]
    assert await available(stocked) == {"A-1": 5, "B-1": 5, "C-1": 0}


async def test_an_order_that_was_refused_may_try_again(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    with pytest.raises(OutOfStock):
        await reservations.reserve("order_01", lines(C=1), expires_at=LATER)
    await stocked.set_stock("C-1", 1)
    _, is_new = await reservations.reserve("order_01", lines(C=1), expires_at=LATER)
    assert is_new


async def test_reserving_the_same_again_changes_nothing(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    first, _ = await reservations.reserve("order_01", lines(A=2, B=1), expires_at=LATER)
    again, is_new = await reservations.reserve(
        "order_01", lines(B=1, A=2), expires_at=LATER + timedelta(hours=1)
    )
    assert again == first
    assert not is_new
    assert await available(stocked) == {"A-1": 3, "B-1": 4, "C-1": 0}


async def test_an_order_cannot_reserve_something_else(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    with pytest.raises(ReservationMismatch):
        await reservations.reserve("order_01", lines(A=3), expires_at=LATER)
    assert await available(stocked) == {"A-1": 3, "B-1": 5, "C-1": 0}


async def test_one_order_reserving_in_parallel_takes_its_lines_once(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    responses = await asyncio.gather(
        *(reservations.reserve("order_01", lines(A=2), expires_at=LATER) for _ in range(10))
    )
    assert Counter(is_new for _, is_new in responses) == {True: 1, False: 9}
    assert (await available(stocked))["A-1"] == 3


@pytest.mark.fault(11, store=("sqlite", "postgres"))
async def test_orders_with_the_same_products_in_other_orders_all_get_through(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await stocked.set_stock("A-1", 40)
    await stocked.set_stock("B-1", 40)
    both = [lines(A=1, B=1), lines(B=1, A=1)]
    await asyncio.gather(
        *(
            reservations.reserve(f"order_{number:02}", both[number % 2], expires_at=LATER)
            for number in range(40)
        )
    )
    assert await available(stocked) == {"A-1": 0, "B-1": 0, "C-1": 0}


async def test_a_commit_keeps_the_stock_away_however_often_it_is_sent(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    first, changed = await reservations.commit("order_01")
    again, changed_again = await reservations.commit("order_01")
    assert first == again
    assert first.status is ReservationStatus.COMMITTED
    assert (changed, changed_again) == (True, False)
    assert await reservations.expire(now=LATER + timedelta(days=1)) == []
    assert (await available(stocked))["A-1"] == 3


async def test_a_commit_needs_a_reservation(reservations: ReservationRepository) -> None:
    with pytest.raises(UnknownReservation):
        await reservations.commit("order_01")


@pytest.mark.parametrize("committed", [False, True])
async def test_a_release_gives_the_stock_back_once(
    stocked: CatalogueRepository, reservations: ReservationRepository, committed: bool
) -> None:
    await reservations.reserve("order_01", lines(A=2, B=1), expires_at=LATER)
    if committed:
        await reservations.commit("order_01")
    responses = await asyncio.gather(
        *(reservations.release("order_01", now=NOON) for _ in range(5))
    )
    assert {response.status for response, _ in responses} == {ReservationStatus.RELEASED}
    assert sum(changed for _, changed in responses) == 1
    assert await available(stocked) == {"A-1": 5, "B-1": 5, "C-1": 0}


async def test_a_released_order_can_neither_reserve_nor_commit(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    await reservations.release("order_01", now=NOON)
    with pytest.raises(ReservationClosed):
        await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    with pytest.raises(ReservationClosed):
        await reservations.commit("order_01")


async def test_a_release_that_overtakes_its_reserve_wins(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await reservations.release("order_01", now=NOON)
    with pytest.raises(ReservationClosed):
        await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    assert (await available(stocked))["A-1"] == 5


async def test_a_reserve_racing_its_release_leaves_no_stock_taken(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    async def reserve(order_id: str) -> None:
        try:
            await reservations.reserve(order_id, lines(A=1), expires_at=LATER)
        except ReservationClosed:
            return

    for number in range(20):
        order_id = f"order_{number:02}"
        await asyncio.gather(reserve(order_id), reservations.release(order_id, now=NOON))
    assert (await available(stocked))["A-1"] == 5


async def test_what_nobody_claims_in_time_goes_back(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await reservations.reserve("order_01", lines(A=2), expires_at=LATER)
    await reservations.reserve("order_02", lines(A=1), expires_at=LATER + timedelta(hours=1))
    assert await reservations.expire(now=NOON) == []
    (expired,) = await reservations.expire(now=LATER)
    assert (expired.order_id, expired.status) == ("order_01", ReservationStatus.EXPIRED)
    assert (await available(stocked))["A-1"] == 4
    with pytest.raises(ReservationClosed):
        await reservations.commit("order_01")


async def test_two_sweepers_give_each_reservation_back_once(
    stocked: CatalogueRepository, reservations: ReservationRepository
) -> None:
    await stocked.set_stock("A-1", 30)
    for number in range(30):
        await reservations.reserve(f"order_{number:02}", lines(A=1), expires_at=LATER)
    swept = await asyncio.gather(*(reservations.expire(now=LATER) for _ in range(4)))
    assert sum(map(len, swept)) == 30
    assert (await available(stocked))["A-1"] == 30
