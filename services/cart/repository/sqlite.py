"""Carts in an SQLite file that all replicas of one machine share.

A cart is always read and written whole, so it is one row: its lines are a JSON object from
SKU to quantity. A change reads the row, asks the cart what becomes of it, and writes it back
under SQLite's write lock, which is taken before the first read.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import IdempotencyKeyReused
from app.stores.clock import in_milliseconds, moment
from app.stores.migrations import check_schema
from app.stores.sql import Database
from services.cart.models import AddedItem, Cart, Line, MergedCart, TakenOrder
from services.cart.repository import (
    MAX_REMEMBERED,
    Retention,
    digests_of,
)

READ = text(
    "SELECT version, quantities, updated_at FROM carts"
    " WHERE subject = :subject AND expires_at > :now"
)
WRITE = text("""
    INSERT INTO carts (subject, version, quantities, updated_at, expires_at)
    VALUES (:subject, :version, :quantities, :updated_at, :expires_at)
    ON CONFLICT (subject) DO UPDATE SET
        version = excluded.version,
        quantities = excluded.quantities,
        updated_at = excluded.updated_at,
        expires_at = excluded.expires_at
""")
RECALL_ADDS = text("""
    SELECT COUNT(*) AS remembered,
        MAX(CASE WHEN key = :key AND expires_at > :now THEN request END) AS request
    FROM remembered_adds WHERE subject = :subject
""")
# Versions before 1.1 kept the whole answer in `cart`, which may not be null.
REMEMBER_ADD = text("""
    INSERT INTO remembered_adds (subject, key, request, cart, expires_at)
    VALUES (:subject, :key, :request, '{}', :expires_at)
    ON CONFLICT (subject, key) DO UPDATE SET
        request = excluded.request,
        expires_at = excluded.expires_at
""")
FORGET_OLDEST = text(f"""
    DELETE FROM remembered_adds WHERE subject = :subject AND key IN (
        SELECT key FROM remembered_adds WHERE subject = :subject
        ORDER BY expires_at DESC, rowid DESC LIMIT -1 OFFSET {MAX_REMEMBERED - 1}
    )
""")
REMEMBER_ORDER = text("""
    INSERT INTO taken_orders (subject, order_id, expires_at)
    VALUES (:subject, :order_id, :expires_at)
    ON CONFLICT (subject, order_id) DO NOTHING
""")
FORGET = [
    text(f"DELETE FROM {table} WHERE expires_at <= :now")
    for table in ("carts", "remembered_adds", "taken_orders")
]


class SqliteCarts:
    """A `CartRepository` on one SQLite file."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._cart_ms = retention.of_cart
        self._remembered_ms = retention.remembered_add * 1000

    async def read(self, subject: str) -> Cart:
        async with self._database.reading("read") as connection:
            return await self._load(connection, subject, self._now())

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddedItem:
        digests = None if key is None else digests_of(key, line)
        async with self._database.transaction("add") as connection:
            now = self._now()
            if digests is not None:
                is_known, remembered = await self._recall(connection, subject, *digests, now)
                if is_known:
                    return AddedItem(await self._load(connection, subject, now), replayed=True)
                if remembered >= MAX_REMEMBERED:
                    await connection.execute(FORGET_OLDEST, {"subject": subject})
            before = await self._load(connection, subject, now)
            cart = before.adding(line.sku, line.quantity, at=now)
            await self._save(connection, subject, before, cart)
            if digests is not None:
                await self._remember(connection, subject, *digests, now)
            return AddedItem(cart)

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddedItem | None:
        async with self._database.reading("find_add") as connection:
            now = self._now()
            is_known, _ = await self._recall(connection, subject, *digests_of(key, line), now)
            if not is_known:
                return None
            return AddedItem(await self._load(connection, subject, now), replayed=True)

    async def set(self, subject: str, line: Line) -> Cart:
        return await self._change(
            "set", subject, lambda cart, now: cart.setting(line.sku, line.quantity, at=now)
        )

    async def remove(self, subject: str, sku: str) -> Cart:
        return await self._change("remove", subject, lambda cart, now: cart.removing(sku, at=now))

    async def clear(self, subject: str) -> Cart:
        return await self._change("clear", subject, lambda cart, now: cart.emptied(at=now))

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        async with self._database.transaction("merge") as connection:
            now = self._now()
            before = await self._load(connection, subject, now)
            guests = await self._load(connection, guest, now)
            cart, notices = before.merging(guests, at=now)
            await self._save(connection, subject, before, cart)
            await self._save(connection, guest, guests, guests.emptied(at=now))
            return MergedCart.of(cart, notices)

    async def take(self, subject: str, order_id: str, lines: Sequence[Line]) -> TakenOrder:
        async with self._database.transaction("take") as connection:
            now = self._now()
            before = await self._load(connection, subject, now)
            expires_at = in_milliseconds(now) + self._cart_ms(subject)
            first = await connection.execute(
                REMEMBER_ORDER,
                {"subject": subject, "order_id": order_id, "expires_at": expires_at},
            )
            if not first.rowcount:
                return TakenOrder(order_id=order_id, taken=False, version=before.version)
            cart = before.without(lines, at=now)
            await self._save(connection, subject, before, cart)
            return TakenOrder(order_id=order_id, taken=True, version=cart.version)

    async def check(self) -> None:
        await check_schema(self._database, "services.cart")

    async def forget_expired(self) -> None:
        """Delete what nobody sees any more. Raises `StoreUnavailable`."""
        now = {"now": self._database.clock()}
        for statement in FORGET:
            async with self._database.transaction("forget") as connection:
                await connection.execute(statement, now)

    def _now(self) -> datetime:
        return moment(self._database.clock())

    async def _change(
        self, operation: str, subject: str, change: Callable[[Cart, datetime], Cart]
    ) -> Cart:
        async with self._database.transaction(operation) as connection:
            now = self._now()
            before = await self._load(connection, subject, now)
            cart = change(before, now)
            await self._save(connection, subject, before, cart)
            return cart

    async def _load(self, connection: AsyncConnection, subject: str, now: datetime) -> Cart:
        parameters = {"subject": subject, "now": in_milliseconds(now)}
        row = (await connection.execute(READ, parameters)).mappings().one_or_none()
        return Cart() if row is None else _cart(row)

    async def _save(
        self, connection: AsyncConnection, subject: str, before: Cart, cart: Cart
    ) -> None:
        if cart.updated_at is None or cart == before:
            return
        changed_at = in_milliseconds(cart.updated_at)
        await connection.execute(
            WRITE,
            {
                "subject": subject,
                "version": cart.version,
                "quantities": json.dumps(cart.quantities),
                "updated_at": changed_at,
                "expires_at": changed_at + self._cart_ms(subject),
            },
        )

    async def _recall(
        self, connection: AsyncConnection, subject: str, key: str, request: str, now: datetime
    ) -> tuple[bool, int]:
        """Whether this add was done before, and how many adds are remembered.

        Raises `IdempotencyKeyReused`.
        """
        parameters = {"subject": subject, "key": key, "now": in_milliseconds(now)}
        row = (await connection.execute(RECALL_ADDS, parameters)).mappings().one()
        if row["request"] is not None and row["request"] != request:
            raise IdempotencyKeyReused
        return row["request"] is not None, row["remembered"]

    async def _remember(
        self, connection: AsyncConnection, subject: str, key: str, request: str, now: datetime
    ) -> None:
        await connection.execute(
            REMEMBER_ADD,
            {
                "subject": subject,
                "key": key,
                "request": request,
                "expires_at": in_milliseconds(now) + self._remembered_ms,
            },
        )


def _cart(row: Mapping[Any, Any]) -> Cart:
    return Cart.holding(
        json.loads(row["quantities"]),
        version=row["version"],
        updated_at=moment(row["updated_at"]),
    )
