"""The simulated payment provider."""

import asyncio

import pytest

from services.tracking.models import Money, PaymentMode
from services.tracking.payments import PaymentStatus, PaymentUnclear
from tests.services.tracking.backend import Backend, Shop, open_backend

PRICE = Money(amount=1000, currency="EUR")


async def test_an_order_is_charged_once(backend: Backend) -> None:
    outcomes = await asyncio.gather(*(backend.payments.charge("ord_1", PRICE) for _ in range(10)))
    assert set(outcomes) == {PaymentStatus.CHARGED}
    assert await backend.money_kept("ord_1") == 1000


async def test_a_refund_gives_back_and_may_be_repeated(backend: Backend) -> None:
    await backend.payments.charge("ord_1", PRICE)
    for _ in range(2):
        await backend.payments.refund("ord_1", PRICE)
    assert await backend.payments.status("ord_1") is PaymentStatus.REFUNDED


async def test_a_refunded_order_is_not_charged_again(backend: Backend) -> None:
    await backend.payments.charge("ord_1", PRICE)
    await backend.payments.refund("ord_1", PRICE)
    assert await backend.payments.charge("ord_1", PRICE) is PaymentStatus.REFUNDED


async def test_a_refund_that_overtakes_its_charge_voids_it(backend: Backend) -> None:
    await backend.payments.refund("ord_1", PRICE)
    assert await backend.payments.charge("ord_1", PRICE) is PaymentStatus.VOID


async def test_an_order_that_was_never_charged_has_no_status(backend: Backend) -> None:
    assert await backend.payments.status("ord_1") is None


@pytest.mark.parametrize(
    ("mode", "luck", "outcome"),
    [
        ("succeed", 0.9, PaymentStatus.CHARGED),
        ("decline", 0.9, PaymentStatus.DECLINED),
        ("slow", 0.9, PaymentStatus.CHARGED),
        ("flaky", 0.9, PaymentStatus.CHARGED),
    ],
)
async def test_each_mode_has_its_outcome(
    sqlite_shop: Shop, mode: PaymentMode, luck: float, outcome: PaymentStatus
) -> None:
    async with open_backend(sqlite_shop, payment_mode=mode, chance=lambda: luck) as backend:
        assert await backend.payments.charge("ord_1", PRICE) is outcome


@pytest.mark.parametrize(
    ("mode", "luck", "truth"),
    [
        ("timeout", 0.9, PaymentStatus.CHARGED),
        ("flaky", 0.1, None),
        ("flaky", 0.5, PaymentStatus.CHARGED),
    ],
)
async def test_an_unclear_charge_can_be_looked_up(
    sqlite_shop: Shop, mode: PaymentMode, luck: float, truth: PaymentStatus | None
) -> None:
    async with open_backend(sqlite_shop, payment_mode=mode, chance=lambda: luck) as backend:
        with pytest.raises(PaymentUnclear):
            await backend.payments.charge("ord_1", PRICE)
        assert await backend.payments.status("ord_1") is truth
