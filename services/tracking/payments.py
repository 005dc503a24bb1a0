"""A simulated payment provider, in one table, that can be configured to fail.

Like a real one it charges an order at most once and tells afterwards what became of a charge. A
refund that overtakes its charge voids it: the charge is declined when it arrives.

| mode    | what happens to a charge                                                     |
|---------|------------------------------------------------------------------------------|
| succeed | charged                                                                      |
| decline | declined                                                                     |
| slow    | charged, the response comes ``delay`` seconds later                          |
| timeout | charged, the response never comes                                            |
| flaky   | a third each: request lost, charged but response lost, charged               |
"""

import asyncio
import random
from collections.abc import Callable
from enum import StrEnum

from app.errors import Unavailable
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Connection, Statement
from services.tracking.models import Money, PaymentMode

CHARGE = Statement(
    """
    INSERT INTO payments (order_id, amount, currency, status, changed_at)
    VALUES (:order_id, :amount, :currency, :status, :now)
    ON CONFLICT (order_id) DO NOTHING
    """
)
REFUND = Statement(
    """
    INSERT INTO payments (order_id, amount, currency, status, changed_at)
    VALUES (:order_id, :amount, :currency, 'void', :now)
    ON CONFLICT (order_id) DO UPDATE SET status = 'refunded', changed_at = excluded.changed_at
    WHERE payments.status = 'charged'
    """
)
SELECT_STATUS = Statement("SELECT status FROM payments WHERE order_id = :order_id")


class PaymentStatus(StrEnum):
    CHARGED = "charged"
    DECLINED = "declined"
    REFUNDED = "refunded"
    VOID = "void"


class PaymentUnclear(Unavailable):
    """It is unknown whether the money was taken; `Payments.status` tells."""

    type = "payment-unclear"
    title = "The payment provider did not answer"


class Payments:
    """``delay`` (of mode ``slow``) and ``timeout`` are in seconds."""

    def __init__(
        self,
        database: Database,
        *,
        mode: PaymentMode,
        delay: float,
        timeout: float,
        clock: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._mode = mode
        self._delay = delay
        self._timeout = timeout
        self._clock = clock
        self._chance = chance

    async def charge(self, order_id: str, price: Money) -> PaymentStatus:
        """Take the money, once per order: charging it again returns the same status.

        Raises `PaymentUnclear`, and `StoreUnavailable` when nothing was taken.
        """
        draw = self._chance() if self._mode == "flaky" else 1.0
        if draw < 1 / 3:
            raise PaymentUnclear("The payment provider was not reached.")
        status = await self._record(order_id, price)
        if draw < 2 / 3:
            raise PaymentUnclear("The payment provider's answer was lost.")
        try:
            async with asyncio.timeout(self._timeout):
                await self._wait_as_configured()
        except TimeoutError as error:
            raise PaymentUnclear("The payment provider did not answer in time.") from error
        return status

    async def status(self, order_id: str) -> PaymentStatus | None:
        """What became of the order's payment; None: it was never charged."""
        async with self._database.reading("payment_status") as connection:
            return await _status(connection, order_id)

    @retry_conflicts
    async def refund(self, order_id: str, price: Money) -> None:
        """Give back what was charged, or make sure that nothing will be charged. Safe to repeat."""
        values = self._values(order_id, price)
        async with self._database.writing("refund") as connection:
            await connection.execute(REFUND, values)

    async def _wait_as_configured(self) -> None:
        if self._mode == "timeout":
            await asyncio.sleep(self._timeout + 1)
        if self._mode == "slow":
            await asyncio.sleep(self._delay)

    @retry_conflicts
    async def _record(self, order_id: str, price: Money) -> PaymentStatus:
        new_status = PaymentStatus.DECLINED if self._mode == "decline" else PaymentStatus.CHARGED
        values = self._values(order_id, price) | {"status": new_status}
        async with self._database.writing("charge") as connection:
            await connection.execute(CHARGE, values)
            return await _status(connection, order_id) or new_status

    def _values(self, order_id: str, price: Money) -> dict[str, str | int]:
        return {
            "order_id": order_id,
            "amount": price.amount,
            "currency": price.currency,
            "now": self._clock(),
        }


async def _status(connection: Connection, order_id: str) -> PaymentStatus | None:
    status = await connection.scalar(SELECT_STATUS, {"order_id": order_id})
    return PaymentStatus(status) if status else None
