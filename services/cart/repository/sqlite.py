"""Carts in an SQLite file that all replicas of one machine share.

A cart is always read and written whole, so it is one row; its lines are a JSON object from SKU
to quantity. A change takes SQLite's write lock, reads the row, and writes the new cart back.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from app.errors import IdempotencyKeyReused
from app.stores.clock import in_milliseconds, moment
from app.stores.database import Database
from app.stores.schema import SchemaCheck
from app.stores.statements import Connection, Row, Statement
from services.cart.models import (
    MAX_IDEMPOTENCY_KEYS,
    AddResult,
    Cart,
    Line,
    MergedCart,
    StoredCart,
    TakeResponse,
)
from services.cart.repository import (
    Retention,
    digests_of,
)

SELECT_CART = Statement(
    "SELECT version, quantities, updated_at FROM carts"
    " WHERE subject = :subject AND expires_at > :now"
)
UPSERT_CART = Statement("""
    INSERT INTO carts (subject, version, quantities, updated_at, expires_at)
    VALUES (:subject, :version, :quantities, :updated_at, :expires_at)
    ON CONFLICT (subject) DO UPDATE SET
        version = excluded.version,
        quantities = excluded.quantities,
        updated_at = excluded.updated_at,
        expires_at = excluded.expires_at
""")
SELECT_IDEMPOTENCY_KEY = Statement("""
    SELECT COUNT(*) AS stored_keys,
        MAX(CASE WHEN key = :key AND expires_at > :now THEN request END) AS request
    FROM remembered_adds WHERE subject = :subject
""")
# Versions before 1.1 stored the whole response in `cart`, which may not be null.
UPSERT_IDEMPOTENCY_KEY = Statement("""
    INSERT INTO remembered_adds (subject, key, request, cart, expires_at)
    VALUES (:subject, :key, :request, '{}', :expires_at)
    ON CONFLICT (subject, key) DO UPDATE SET
        request = excluded.request,
        expires_at = excluded.expires_at
""")
DELETE_OLDEST_IDEMPOTENCY_KEYS = Statement(f"""
    DELETE FROM remembered_adds WHERE subject = :subject AND key IN (
        SELECT key FROM remembered_adds WHERE subject = :subject
        ORDER BY expires_at DESC, rowid DESC LIMIT -1 OFFSET {MAX_IDEMPOTENCY_KEYS - 1}
    )
""")
INSERT_TAKEN_ORDER = Statement("""
    INSERT INTO taken_orders (subject, order_id, expires_at)
    VALUES (:subject, :order_id, :expires_at)
    ON CONFLICT (subject, order_id) DO NOTHING
""")
DELETE_EXPIRED = [
    Statement(f"DELETE FROM {table} WHERE expires_at <= :now")
    for table in ("carts", "remembered_adds", "taken_orders")
]


class SqliteCartRepository:
    """A `CartRepository` on one SQLite file."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._check_schema = SchemaCheck(database, "services.cart")
        self._cart_ttl_ms = retention.cart_ttl_ms
        self._idempotency_key_ttl_ms = retention.idempotency_key_seconds * 1000

    async def read(self, subject: str) -> StoredCart:
        async with self._database.reading("read") as connection:
            return await self._read(connection, subject, self._now())

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddResult:
        digests = None if key is None else digests_of(key, line)
        async with self._database.transaction("add") as connection:
            now = self._now()
            if digests is not None:
                is_replay, stored_keys = await self._find_key(connection, subject, *digests, now)
                if is_replay:
                    return AddResult(await self._read(connection, subject, now), replayed=True)
                if stored_keys >= MAX_IDEMPOTENCY_KEYS:
                    await connection.execute(DELETE_OLDEST_IDEMPOTENCY_KEYS, {"subject": subject})
            before = await self._load(connection, subject, now)
            cart = before.with_added(line.sku, line.quantity, at=now)
            await self._save(connection, subject, before, cart)
            if digests is not None:
                await self._save_key(connection, subject, *digests, now)
            return AddResult(cart.stored)

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddResult | None:
        async with self._database.reading("find_add") as connection:
            now = self._now()
            is_replay, _ = await self._find_key(connection, subject, *digests_of(key, line), now)
            if not is_replay:
                return None
            return AddResult(await self._read(connection, subject, now), replayed=True)

    async def set(self, subject: str, line: Line) -> Cart:
        return await self._change(
            "set", subject, lambda cart, now: cart.with_quantity(line.sku, line.quantity, at=now)
        )

    async def remove(self, subject: str, sku: str) -> Cart:
        return await self._change(
            "remove", subject, lambda cart, now: cart.without_item(sku, at=now)
        )

    async def clear(self, subject: str) -> Cart:
        return await self._change("clear", subject, lambda cart, now: cart.cleared(at=now))

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        async with self._database.transaction("merge") as connection:
            now = self._now()
            before = await self._load(connection, subject, now)
            guest_cart = await self._load(connection, guest, now)
            cart, reduced = before.merged_with(guest_cart, at=now)
            await self._save(connection, subject, before, cart)
            await self._save(connection, guest, guest_cart, guest_cart.cleared(at=now))
            return MergedCart.of(cart, reduced)

    async def take_ordered_lines(
        self, subject: str, order_id: str, lines: Sequence[Line]
    ) -> TakeResponse:
        async with self._database.transaction("take") as connection:
            now = self._now()
            before = await self._load(connection, subject, now)
            expires_at = in_milliseconds(now) + self._cart_ttl_ms(subject)
            is_first = await connection.execute(
                INSERT_TAKEN_ORDER,
                {"subject": subject, "order_id": order_id, "expires_at": expires_at},
            )
            if not is_first:
                return TakeResponse(order_id=order_id, taken=False, version=before.version)
            cart = before.without_ordered(lines, at=now)
            await self._save(connection, subject, before, cart)
            return TakeResponse(order_id=order_id, taken=True, version=cart.version)

    async def check(self) -> None:
        await self._check_schema()

    async def delete_expired(self) -> None:
        """Delete expired carts, idempotency keys and taken orders. Raises `StoreUnavailable`."""
        now = {"now": self._database.clock()}
        for statement in DELETE_EXPIRED:
            async with self._database.writing("forget") as connection:
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

    async def _load(self, connection: Connection, subject: str, now: datetime) -> Cart:
        return (await self._read(connection, subject, now)).cart

    async def _read(self, connection: Connection, subject: str, now: datetime) -> StoredCart:
        parameters = {"subject": subject, "now": in_milliseconds(now)}
        row = await connection.first(SELECT_CART, parameters)
        return StoredCart({}) if row is None else _stored(row)

    async def _save(self, connection: Connection, subject: str, before: Cart, cart: Cart) -> None:
        if cart.updated_at is None or cart == before:
            return
        changed_at = in_milliseconds(cart.updated_at)
        await connection.execute(
            UPSERT_CART,
            {
                "subject": subject,
                "version": cart.version,
                "quantities": json.dumps(cart.quantities),
                "updated_at": changed_at,
                "expires_at": changed_at + self._cart_ttl_ms(subject),
            },
        )

    async def _find_key(
        self, connection: Connection, subject: str, key: str, request: str, now: datetime
    ) -> tuple[bool, int]:
        """Whether an earlier add had this key, and how many keys the subject has stored.

        Raises `IdempotencyKeyReused`.
        """
        parameters = {"subject": subject, "key": key, "now": in_milliseconds(now)}
        (row,) = await connection.rows(SELECT_IDEMPOTENCY_KEY, parameters)
        if row["request"] is not None and row["request"] != request:
            raise IdempotencyKeyReused
        return row["request"] is not None, row["stored_keys"]

    async def _save_key(
        self, connection: Connection, subject: str, key: str, request: str, now: datetime
    ) -> None:
        await connection.execute(
            UPSERT_IDEMPOTENCY_KEY,
            {
                "subject": subject,
                "key": key,
                "request": request,
                "expires_at": in_milliseconds(now) + self._idempotency_key_ttl_ms,
            },
        )


def _stored(row: Row) -> StoredCart:
    return StoredCart(json.loads(row["quantities"]), row["version"], row["updated_at"])
