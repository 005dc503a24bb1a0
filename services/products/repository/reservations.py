"""Stock set aside for orders.

Stock moves by conditional UPDATE only, never by reading and then writing. A transaction
touches its reservation first and then products in the order of their SKUs.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Conflict, NotFound
from app.stores.clock import in_milliseconds, moment
from app.stores.sql import Database
from services.products.models import Line, Reservation, ReservationStatus, in_order

CLAIM = text("""
    INSERT INTO reservations (order_id, status, lines, expires_at)
    VALUES (:order_id, :status, :lines, :expires_at)
    ON CONFLICT (order_id) DO NOTHING RETURNING *
""")
FIND = text("SELECT * FROM reservations WHERE order_id = :order_id")
COMMIT = text("""
    UPDATE reservations SET status = 'committed'
    WHERE order_id = :order_id AND status = 'reserved' RETURNING *
""")
RELEASE = text("""
    UPDATE reservations SET status = 'released'
    WHERE order_id = :order_id AND status IN ('reserved', 'committed') RETURNING *
""")
EXPIRE = text("""
    UPDATE reservations SET status = 'expired'
    WHERE status = 'reserved' AND order_id IN (
        SELECT order_id FROM reservations
        WHERE status = 'reserved' AND expires_at <= :now
        ORDER BY expires_at LIMIT :limit
    ) RETURNING *
""")
TAKE = text("""
    UPDATE products SET available = available - :quantity, version = version + 1
    WHERE sku = :sku AND available >= :quantity
""")
GIVE_BACK = text("""
    UPDATE products SET available = available + :quantity, version = version + 1
    WHERE sku = :sku
""")
AVAILABLE = text("SELECT available FROM products WHERE sku = :sku")


class OutOfStock(Conflict):
    """Not every line could be had, so none was taken; ``unavailable`` says which and why."""

    type = "out-of-stock"
    title = "Out of stock"


class ReservationMismatch(Conflict):
    """The order has reserved something else before."""

    type = "reservation-mismatch"
    title = "Reservation has other lines"


class ReservationClosed(Conflict):
    """The reservation was released or has expired."""

    type = "reservation-closed"
    title = "Reservation is closed"


class UnknownReservation(NotFound):
    """No such order has reserved anything."""

    type = "unknown-reservation"
    title = "Unknown reservation"


class ReservationRepository:
    """Reservations and the stock they hold. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, order_id: str, lines: Sequence[Line], *, expires_at: datetime
    ) -> tuple[Reservation, bool]:
        """Take all lines from stock, or none; the same again changes nothing.

        Returns the reservation, and whether it is new.
        Raises `OutOfStock`, `ReservationMismatch`, `ReservationClosed`.
        """
        wanted = in_order(lines)

        async def work(connection: AsyncConnection) -> tuple[Reservation, bool]:
            claimed = await _claim(
                connection, order_id, ReservationStatus.RESERVED, wanted, expires_at
            )
            if claimed is None:
                return await _reserved_before(connection, order_id, wanted), False
            await _take(connection, wanted)
            return claimed, True

        return await self._database.run("reserve", work)

    async def commit(self, order_id: str) -> tuple[Reservation, bool]:
        """Keep what was taken for good. Returns the reservation and whether it changed.

        Raises `UnknownReservation`, `ReservationClosed`.
        """

        async def work(connection: AsyncConnection) -> tuple[Reservation, bool]:
            row = (await connection.execute(COMMIT, {"order_id": order_id})).first()
            if row is not None:
                return _reservation(row), True
            return _not_closed(await _find(connection, order_id)), False

        return await self._database.run("commit_reservation", work)

    async def release(self, order_id: str, *, now: datetime) -> tuple[Reservation, bool]:
        """Give back what was taken, committed or not. Returns it and whether it changed.

        An unknown order leaves a tombstone: its reserve, should it still come, is refused.
        """

        async def work(connection: AsyncConnection) -> tuple[Reservation, bool]:
            # The tombstone first: after this, nobody can reserve between our two looks.
            tombstone = await _claim(connection, order_id, ReservationStatus.RELEASED, [], now)
            if tombstone is not None:
                return tombstone, True
            row = (await connection.execute(RELEASE, {"order_id": order_id})).first()
            if row is None:
                return await _find(connection, order_id), False
            released = _reservation(row)
            await _give_back(connection, [released])
            return released, True

        return await self._database.run("release_reservation", work)

    async def expire(self, *, now: datetime, limit: int = 100) -> list[Reservation]:
        """Give back what was reserved too long ago, ``limit`` orders at a time."""

        async def work(connection: AsyncConnection) -> list[Reservation]:
            values = {"now": in_milliseconds(now), "limit": limit}
            rows = (await connection.execute(EXPIRE, values)).all()
            expired = [_reservation(row) for row in rows]
            await _give_back(connection, expired)
            return expired

        return await self._database.run("expire_reservations", work)


async def _claim(
    connection: AsyncConnection,
    order_id: str,
    status: ReservationStatus,
    lines: Sequence[Line],
    expires_at: datetime,
) -> Reservation | None:
    """Write the order's row; None when it has one already."""
    values = {
        "order_id": order_id,
        "status": status.value,
        "lines": json.dumps([[line.sku, line.quantity] for line in lines]),
        "expires_at": in_milliseconds(expires_at),
    }
    row = (await connection.execute(CLAIM, values)).first()
    return None if row is None else _reservation(row)


async def _reserved_before(
    connection: AsyncConnection, order_id: str, wanted: list[Line]
) -> Reservation:
    existing = _not_closed(await _find(connection, order_id))
    if existing.lines != wanted:
        raise ReservationMismatch("This order has reserved other lines before.")
    return existing


async def _take(connection: AsyncConnection, wanted: list[Line]) -> None:
    short = []
    for line in wanted:
        taken = await connection.execute(TAKE, line.model_dump())
        if taken.rowcount == 0:
            short.append(line)
    if not short:
        return
    unavailable = []
    for line in short:
        left = (await connection.execute(AVAILABLE, {"sku": line.sku})).scalar_one_or_none()
        unavailable.append({"sku": line.sku, "requested": line.quantity, "available": left or 0})
    raise OutOfStock("Not everything is in stock.", unavailable=unavailable)


async def _give_back(connection: AsyncConnection, reservations: Sequence[Reservation]) -> None:
    returned: Counter[str] = Counter()
    for reservation in reservations:
        returned.update({line.sku: line.quantity for line in reservation.lines})
    for sku, quantity in sorted(returned.items()):
        await connection.execute(GIVE_BACK, {"sku": sku, "quantity": quantity})


async def _find(connection: AsyncConnection, order_id: str) -> Reservation:
    row = (await connection.execute(FIND, {"order_id": order_id})).first()
    if row is None:
        raise UnknownReservation("This order has not reserved anything.")
    return _reservation(row)


def _not_closed(reservation: Reservation) -> Reservation:
    if reservation.status in (ReservationStatus.RELEASED, ReservationStatus.EXPIRED):
        raise ReservationClosed(f"This reservation is {reservation.status.value}.")
    return reservation


def _reservation(row: Row[tuple[str, str, str, int]]) -> Reservation:
    return Reservation(
        order_id=row.order_id,
        status=ReservationStatus(row.status),
        lines=[Line(sku=sku, quantity=quantity) for sku, quantity in json.loads(row.lines)],
        expires_at=moment(row.expires_at),
    )
