"""What every cart store must do. All tests run over each store."""

import asyncio

import pytest

from app.errors import IdempotencyKeyReused
from services.cart.models import Cart, CartLimit, CartLine, Line, ReducedLine
from services.cart.repository import CartRepository, digests_of
from tests.services.cart.conftest import open_carts
from tests.support.waiting import until

MUG = Line(sku="MUG", quantity=1)
LAMP = Line(sku="LAMP-2", quantity=3)


def line(sku: str, quantity: int = 1) -> Line:
    return Line(sku=sku, quantity=quantity)


def quantities(cart: Cart) -> dict[str, int]:
    return {each.sku: each.quantity for each in cart.lines}


async def read(carts: CartRepository, subject: str) -> Cart:
    return (await carts.read(subject)).cart


async def is_empty(carts: CartRepository, subject: str) -> bool:
    return not (await read(carts, subject)).lines


async def fill(carts: CartRepository, subject: str, lines: int) -> Cart:
    cart = Cart()
    for number in range(lines):
        cart = (await carts.add(subject, line(f"SKU-{number:03}"), key=None)).cart
    return cart


async def test_a_cart_nobody_touched_is_empty(carts: CartRepository, shopper: str) -> None:
    assert await read(carts, shopper) == Cart(version=0, lines=(), updated_at=None)


async def test_an_add_answers_the_cart_that_a_read_then_finds(
    carts: CartRepository, shopper: str
) -> None:
    added = await carts.add(shopper, MUG, key=None)

    assert added.cart.lines == (CartLine(sku="MUG", quantity=1),)
    assert added.cart.version == 1
    assert added.cart.updated_at is not None
    assert await read(carts, shopper) == added.cart


async def test_adds_of_one_product_sum_up(carts: CartRepository, shopper: str) -> None:
    await carts.add(shopper, LAMP, key=None)
    added = await carts.add(shopper, LAMP, key=None)

    assert quantities(added.cart) == {"LAMP-2": 6}
    assert added.cart.version == 2


async def test_lines_come_in_the_order_of_their_skus(carts: CartRepository, shopper: str) -> None:
    for sku in ("ZEBRA", "10-APPLES", "MUG"):
        await carts.add(shopper, line(sku), key=None)

    assert list(quantities(await read(carts, shopper))) == ["10-APPLES", "MUG", "ZEBRA"]


async def test_shoppers_have_carts_of_their_own(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(shopper, MUG, key=None)

    assert (await read(carts, guest)).lines == ()


@pytest.mark.fault(47, store=("sqlite", "valkey"))
async def test_parallel_adds_lose_nothing(carts: CartRepository, shopper: str) -> None:
    results = await asyncio.gather(*(carts.add(shopper, MUG, key=None) for _ in range(60)))

    assert quantities(await read(carts, shopper)) == {"MUG": 60}
    assert sorted(added.cart.version for added in results) == list(range(1, 61))


async def test_the_hundredth_piece_is_refused_and_changes_nothing(
    carts: CartRepository, shopper: str
) -> None:
    full = (await carts.add(shopper, line("MUG", 99), key=None)).cart

    with pytest.raises(CartLimit):
        await carts.add(shopper, MUG, key="k1")

    assert await read(carts, shopper) == full


@pytest.mark.fault(60, store=("sqlite", "valkey"))
async def test_the_hundred_and_first_product_is_refused_and_changes_nothing(
    carts: CartRepository, shopper: str
) -> None:
    full = await fill(carts, shopper, lines=100)

    with pytest.raises(CartLimit):
        await carts.add(shopper, MUG, key=None)
    with pytest.raises(CartLimit):
        await carts.set(shopper, MUG)

    assert await read(carts, shopper) == full


async def test_a_full_cart_takes_more_of_what_it_holds(carts: CartRepository, shopper: str) -> None:
    await fill(carts, shopper, lines=100)

    added = await carts.add(shopper, line("SKU-007"), key=None)

    assert quantities(added.cart)["SKU-007"] == 2


async def test_a_refused_add_does_not_use_up_its_key(carts: CartRepository, shopper: str) -> None:
    await carts.add(shopper, line("MUG", 99), key=None)
    with pytest.raises(CartLimit):
        await carts.add(shopper, MUG, key="k1")
    await carts.clear(shopper)

    added = await carts.add(shopper, MUG, key="k1")

    assert not added.replayed
    assert quantities(added.cart) == {"MUG": 1}


async def test_a_repeated_key_adds_once_and_answers_the_cart_as_it_is_now(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key="k1")
    await carts.add(shopper, LAMP, key=None)

    again = await carts.add(shopper, MUG, key="k1")

    assert again.replayed
    assert quantities(again.cart) == {"MUG": 1, "LAMP-2": 3}
    assert again.cart == await read(carts, shopper)


async def test_the_latest_64_keys_of_a_shopper_are_remembered(
    carts: CartRepository, shopper: str
) -> None:
    for number in range(70):
        await carts.add(shopper, MUG, key=f"k{number}")

    assert (await carts.add(shopper, MUG, key="k69")).replayed
    assert (await carts.add(shopper, MUG, key="k6")).replayed
    assert not (await carts.add(shopper, MUG, key="k5")).replayed
    assert quantities(await read(carts, shopper)) == {"MUG": 71}


@pytest.mark.parametrize("length", [1, 255])
async def test_keys_of_any_length_are_told_apart_by_their_last_character(
    carts: CartRepository, shopper: str, length: int
) -> None:
    one, other = "a" * length, "a" * (length - 1) + "b"
    await carts.add(shopper, MUG, key=one)

    assert not (await carts.add(shopper, MUG, key=other)).replayed
    assert (await carts.add(shopper, MUG, key=one)).replayed


async def test_parallel_adds_with_one_key_add_once(carts: CartRepository, shopper: str) -> None:
    results = await asyncio.gather(*(carts.add(shopper, MUG, key="k1") for _ in range(20)))

    assert quantities(await read(carts, shopper)) == {"MUG": 1}
    assert sum(not added.replayed for added in results) == 1
    assert {added.cart for added in results} == {results[0].cart}


@pytest.mark.fault(43, store=("sqlite", "valkey"))
async def test_a_key_stands_for_one_request_only(carts: CartRepository, shopper: str) -> None:
    first = await carts.add(shopper, MUG, key="k1")

    with pytest.raises(IdempotencyKeyReused):
        await carts.add(shopper, line("MUG", 2), key="k1")

    assert await read(carts, shopper) == first.cart


def test_what_other_versions_remember_of_an_add_is_recognised() -> None:
    assert digests_of("k1", line("MUG", 2)) == ("arnx6499M4j0-dWG", "TFIDCzsNc5vX5iDr")


@pytest.mark.fault(45, store=("sqlite", "valkey"))
async def test_keys_of_different_shoppers_have_nothing_to_do_with_each_other(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(shopper, MUG, key="k1")

    assert not (await carts.add(guest, LAMP, key="k1")).replayed


async def test_an_earlier_add_is_found_by_its_key_with_the_cart_as_it_is_now(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key="k1")
    await carts.add(shopper, LAMP, key=None)

    earlier = await carts.find_add(shopper, MUG, key="k1")

    assert earlier is not None
    assert earlier.replayed
    assert earlier.cart == await read(carts, shopper)


async def test_a_search_for_an_earlier_add_changes_nothing(
    carts: CartRepository, shopper: str
) -> None:
    before = (await carts.add(shopper, LAMP, key="k1")).cart

    assert await carts.find_add(shopper, MUG, key="k2") is None
    await carts.find_add(shopper, LAMP, key="k1")

    assert await read(carts, shopper) == before
    assert not (await carts.add(shopper, MUG, key="k2")).replayed


async def test_a_search_for_an_earlier_add_refuses_the_key_of_another_request(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key="k1")

    with pytest.raises(IdempotencyKeyReused):
        await carts.find_add(shopper, line("MUG", 2), key="k1")


async def test_an_earlier_add_of_another_shopper_is_not_found(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(shopper, MUG, key="k1")

    assert await carts.find_add(guest, MUG, key="k1") is None


async def test_an_earlier_add_is_found_while_its_key_is_among_the_latest_64(
    carts: CartRepository, shopper: str
) -> None:
    for number in range(65):
        await carts.add(shopper, MUG, key=f"k{number}")

    assert await carts.find_add(shopper, MUG, key="k0") is None
    assert await carts.find_add(shopper, MUG, key="k1") is not None


async def test_an_earlier_add_is_not_found_after_its_key_expired(
    store_url: str, shopper: str
) -> None:
    async with open_carts(store_url, idempotency_key=1) as carts:

        async def is_forgotten() -> bool:
            return await carts.find_add(shopper, MUG, key="k1") is None

        await carts.add(shopper, MUG, key="k1")
        await until(is_forgotten, within=5)

        assert quantities(await read(carts, shopper)) == {"MUG": 1}


async def test_set_has_exactly_so_many_pieces(carts: CartRepository, shopper: str) -> None:
    await carts.set(shopper, line("MUG", 5))
    cart = await carts.set(shopper, line("MUG", 2))

    assert quantities(cart) == {"MUG": 2}
    assert cart.version == 2


async def test_what_changes_nothing_keeps_the_version(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    before = (await carts.add(shopper, MUG, key=None)).cart

    await carts.set(shopper, MUG)
    await carts.remove(shopper, "LAMP-2")
    await carts.merge(shopper, guest=guest)

    assert await read(carts, shopper) == before


async def test_remove_takes_one_product_out(carts: CartRepository, shopper: str) -> None:
    await carts.add(shopper, MUG, key=None)
    await carts.add(shopper, LAMP, key=None)

    cart = await carts.remove(shopper, "MUG")

    assert quantities(cart) == {"LAMP-2": 3}
    assert cart.version == 3


async def test_clear_empties_the_cart_and_its_version_goes_on(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key=None)
    await carts.add(shopper, LAMP, key=None)

    cart = await carts.clear(shopper)

    assert cart.lines == ()
    assert cart.version == 3


@pytest.mark.fault(51, store=("sqlite", "valkey"))
async def test_a_merge_sums_both_carts_and_empties_the_guests(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(shopper, line("MUG", 2), key=None)
    await carts.add(guest, line("MUG", 3), key=None)
    await carts.add(guest, LAMP, key=None)

    merged = await carts.merge(shopper, guest=guest)

    assert quantities(merged) == {"MUG": 5, "LAMP-2": 3}
    assert merged.version == 2
    assert merged.notices == ()
    assert (await read(carts, guest)).lines == ()


@pytest.mark.fault(51, store=("sqlite", "valkey"))
async def test_parallel_merges_of_one_guest_count_once(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(guest, line("MUG", 3), key=None)

    await asyncio.gather(*(carts.merge(shopper, guest=guest) for _ in range(10)))

    assert quantities(await read(carts, shopper)) == {"MUG": 3}


@pytest.mark.fault(51, store=("sqlite", "valkey"))
async def test_a_merge_cuts_a_line_at_99_pieces_and_says_so(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await carts.add(shopper, line("MUG", 90), key=None)
    await carts.add(guest, line("MUG", 20), key=None)

    merged = await carts.merge(shopper, guest=guest)

    assert quantities(merged) == {"MUG": 99}
    assert merged.notices == (ReducedLine(sku="MUG", requested=110, kept=99),)


async def test_a_merge_leaves_out_what_passes_100_products_and_says_so(
    carts: CartRepository, shopper: str, guest: str
) -> None:
    await fill(carts, shopper, lines=99)
    await carts.add(guest, line("A-FITS"), key=None)
    await carts.add(guest, line("B-DOES-NOT", 2), key=None)
    await carts.add(guest, line("SKU-001"), key=None)

    merged = await carts.merge(shopper, guest=guest)

    assert quantities(merged).keys() >= {"A-FITS"}
    assert quantities(merged)["SKU-001"] == 2
    assert len(merged.lines) == 100
    assert merged.notices == (ReducedLine(sku="B-DOES-NOT", requested=2, kept=0),)


@pytest.mark.fault(53, store=("sqlite", "valkey"))
async def test_take_removes_what_was_ordered_and_leaves_what_came_later(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, line("MUG", 2), key=None)
    await carts.add(shopper, LAMP, key=None)
    ordered = [line("MUG", 2), LAMP]
    await carts.add(shopper, line("MUG", 5), key=None)

    taken = await carts.take_ordered_lines(shopper, "order-0001", ordered)

    assert taken.taken
    assert quantities(await read(carts, shopper)) == {"MUG": 5}
    assert taken.version == 4


@pytest.mark.fault(53, store=("sqlite", "valkey"))
async def test_take_happens_once_per_order(carts: CartRepository, shopper: str) -> None:
    await carts.add(shopper, line("MUG", 10), key=None)

    results = await asyncio.gather(
        *(carts.take_ordered_lines(shopper, "order-0001", [line("MUG", 2)]) for _ in range(8))
    )

    assert sum(response.taken for response in results) == 1
    assert quantities(await read(carts, shopper)) == {"MUG": 8}


async def test_a_take_without_lines_makes_a_later_one_of_the_order_take_nothing(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key=None)
    before = await read(carts, shopper)

    cancelled = await carts.take_ordered_lines(shopper, "order-0001", [])
    late = await carts.take_ordered_lines(shopper, "order-0001", [MUG])

    assert (cancelled.taken, late.taken) == (True, False)
    assert await read(carts, shopper) == before


async def test_take_of_more_than_there_is_empties_the_line(
    carts: CartRepository, shopper: str
) -> None:
    await carts.add(shopper, MUG, key=None)

    await carts.take_ordered_lines(shopper, "order-0001", [line("MUG", 4), LAMP])

    assert (await read(carts, shopper)).lines == ()


@pytest.mark.fault(52, store=("sqlite", "valkey"))
async def test_take_from_a_cart_that_expired_is_done_all_the_same(
    carts: CartRepository, shopper: str
) -> None:
    taken = await carts.take_ordered_lines(shopper, "order-0001", [MUG])

    assert taken.taken
    assert await read(carts, shopper) == Cart()


async def test_a_guests_cart_expires_before_an_accounts(
    store_url: str, shopper: str, guest: str
) -> None:
    async with open_carts(store_url, cart=3600, guest_cart=1) as carts:
        await carts.add(shopper, MUG, key=None)
        await carts.add(guest, MUG, key=None)
        await until(lambda: is_empty(carts, guest), within=5)

        assert not await is_empty(carts, shopper)


async def test_carts_and_keys_expire(store_url: str, shopper: str) -> None:
    async with open_carts(store_url, cart=1, idempotency_key=1) as carts:
        await carts.add(shopper, MUG, key="k1")
        await until(lambda: is_empty(carts, shopper), within=5)

        added = await carts.add(shopper, MUG, key="k1")

        assert not added.replayed
        assert quantities(added.cart) == {"MUG": 1}
        assert added.cart.version == 1
