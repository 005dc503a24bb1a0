"""Reservations of stock for orders.

Stock changes by conditional UPDATE only, never by reading and then writing. A transaction
changes its reservation first, and then products in the order of their SKUs: so no two deadlock.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.errors import Conflict, NotFound
from app.stores.clock import in_milliseconds, moment
from app.stores.database import Database
from app.stores.statements import Connection, Row, Statement
from services.products.models import Line, Reservation, ReservationStatus, sorted_by_sku

INSERT_RESERVATION = Statement("""
    INSERT INTO reservations (order_id, status, lines, expires_at)
    VALUES (:order_id, :status, :lines, :expires_at)
    ON CONFLICT (order_id) DO NOTHING RETURNING *
""")
SELECT_RESERVATION = Statement("SELECT * FROM reservations WHERE order_id = :order_id")
COMMIT_RESERVATION = Statement("""
    UPDATE reservations SET status = 'committed'
    WHERE order_id = :order_id AND status = 'reserved' RETURNING *
""")
RELEASE_RESERVATION = Statement("""
    UPDATE reservations SET status = 'released'
    WHERE order_id = :order_id AND status IN ('reserved', 'committed') RETURNING *
""")
EXPIRE_RESERVATIONS = Statement("""
    UPDATE reservations SET status = 'expired'
    WHERE status = 'reserved' AND order_id IN (
        SELECT order_id FROM reservations
        WHERE status = 'reserved' AND expires_at <= :now
        ORDER BY expires_at LIMIT :limit
    ) RETURNING *
""")
DECREASE_STOCK = Statement("""
    UPDATE products SET available = available - :quantity, version = version + 1
    WHERE sku = :sku AND available >= :quantity RETURNING sku
""")
INCREASE_STOCK = Statement("""
    UPDATE products SET available = available + :quantity, version = version + 1
    WHERE sku = :sku
""")
SELECT_STOCK = Statement("SELECT available FROM products WHERE sku = :sku")


class OutOfStock(Conflict):
    """Nothing was reserved; ``unavailable`` lists the lines that are not in stock."""

    type = "out-of-stock"
    title = "Out of stock"


class ReservationMismatch(Conflict):
    """The order has a reservation with other lines."""

    type = "reservation-mismatch"
    title = "Reservation has other lines"


class ReservationClosed(Conflict):
    """The reservation was released or has expired."""

    type = "reservation-closed"
    title = "Reservation is closed"


class UnknownReservation(NotFound):
    """The order has no reservation."""

    type = "unknown-reservation"
    title = "Unknown reservation"


class ReservationRepository:
    """Reservations and the stock they hold. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, order_id: str, lines: Sequence[Line], *, expires_at: datetime
    ) -> tuple[Reservation, bool]:
        """Reserve all lines, or none; a repeated request changes nothing.

        Returns the reservation, and whether it is new.
        Raises `OutOfStock`, `ReservationMismatch`, `ReservationClosed`.
        """
        sorted_lines = sorted_by_sku(lines)

        async def work(connection: Connection) -> tuple[Reservation, bool]:
            inserted = await _insert(
                connection, order_id, ReservationStatus.RESERVED, sorted_lines, expires_at
            )
            if inserted is None:
                return await _existing(connection, order_id, sorted_lines), False
            await _decrease_stock(connection, sorted_lines)
            return inserted, True

        return await self._database.run("reserve", work)

    async def commit(self, order_id: str) -> tuple[Reservation, bool]:
        """Make the sale final. Returns the reservation and whether it changed.

        Raises `UnknownReservation`, `ReservationClosed`.
        """

        async def work(connection: Connection) -> tuple[Reservation, bool]:
            row = await connection.first(COMMIT_RESERVATION, {"order_id": order_id})
            if row is not None:
                return _reservation(row), True
            return _require_open(await _find(connection, order_id)), False

        return await self._database.run("commit_reservation", work)

    async def release(self, order_id: str, *, now: datetime) -> tuple[Reservation, bool]:
        """Return the stock, of committed reservations too. Returns it and whether it changed.

        An unknown order leaves a tombstone, so that a reserve that arrives late is refused.
        """

        async def work(connection: Connection) -> tuple[Reservation, bool]:
            # The tombstone first, so that no reserve can come between the two statements.
            tombstone = await _insert(connection, order_id, ReservationStatus.RELEASED, [], now)
            if tombstone is not None:
                return tombstone, True
            row = await connection.first(RELEASE_RESERVATION, {"order_id": order_id})
            if row is None:
                return await _find(connection, order_id), False
            released = _reservation(row)
            await _increase_stock(connection, [released])
            return released, True

        return await self._database.run("release_reservation", work)

    async def expire(self, *, now: datetime, limit: int = 100) -> list[Reservation]:
        """Return the stock of expired reservations, at most ``limit`` of them."""

        async def work(connection: Connection) -> list[Reservation]:
            values = {"now": in_milliseconds(now), "limit": limit}
            rows = await connection.rows(EXPIRE_RESERVATIONS, values)
            expired = [_reservation(row) for row in rows]
            await _increase_stock(connection, expired)
            return expired

        return await self._database.run("expire_reservations", work)


async def _insert(
    connection: Connection,
    order_id: str,
    status: ReservationStatus,
    lines: Sequence[Line],
    expires_at: datetime,
) -> Reservation | None:
    """Insert the order's reservation; None when it has one already."""
    values = {
        "order_id": order_id,
        "status": status.value,
        "lines": json.dumps([[line.sku, line.quantity] for line in lines]),
        "expires_at": in_milliseconds(expires_at),
    }
    row = await connection.first(INSERT_RESERVATION, values)
    return None if row is None else _reservation(row)


async def _existing(connection: Connection, order_id: str, sorted_lines: list[Line]) -> Reservation:
    existing = _require_open(await _find(connection, order_id))
    if existing.lines != sorted_lines:
        raise ReservationMismatch("This order has reserved other lines before.")
    return existing


async def _decrease_stock(connection: Connection, sorted_lines: list[Line]) -> None:
    rows = await connection.rows_of_each(
        DECREASE_STOCK, [line.model_dump() for line in sorted_lines]
    )
    in_stock = {row["sku"] for row in rows}
    short_lines = [line for line in sorted_lines if line.sku not in in_stock]
    if not short_lines:
        return
    unavailable = []
    for line in short_lines:
        left = await connection.scalar(SELECT_STOCK, {"sku": line.sku})
        unavailable.append({"sku": line.sku, "requested": line.quantity, "available": left or 0})
    raise OutOfStock("Not everything is in stock.", unavailable=unavailable)


async def _increase_stock(connection: Connection, reservations: Sequence[Reservation]) -> None:
    returned: Counter[str] = Counter()
    for reservation in reservations:
        returned.update({line.sku: line.quantity for line in reservation.lines})
    await connection.execute_each(
        INCREASE_STOCK,
        [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(returned.items())],
    )


async def _find(connection: Connection, order_id: str) -> Reservation:
    row = await connection.first(SELECT_RESERVATION, {"order_id": order_id})
    if row is None:
        raise UnknownReservation("This order has not reserved anything.")
    return _reservation(row)


def _require_open(reservation: Reservation) -> Reservation:
    if reservation.status in (ReservationStatus.RELEASED, ReservationStatus.EXPIRED):
        raise ReservationClosed(f"This reservation is {reservation.status.value}.")
    return reservation


def _reservation(row: Row) -> Reservation:
    return Reservation(
        order_id=row["order_id"],
        status=ReservationStatus(row["status"]),
        lines=[Line(sku=sku, quantity=quantity) for sku, quantity in json.loads(row["lines"])],
        expires_at=moment(row["expires_at"]),
    )
