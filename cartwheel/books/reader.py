"""What the stores hold, before a load and after it."""

import asyncio
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.stores.database import Database
from app.stores.statements import Row, Statement
from app.stores.valkey import Valkey
from app.telemetry.metrics import Metrics
from cartwheel.consistency.books import (
    BookedCart,
    BookedOrder,
    Books,
    OrderedLine,
    Payment,
    StockLevel,
)
from loadtest.history import Operation

TIMEOUT = 10.0
POLL_INTERVAL = 0.25
KINDS_WITH_OWNER = ("cart", "order")

STOCK = Statement("SELECT sku, available FROM products")
ORDER_IDS = Statement("SELECT id FROM orders")
ORDERS = Statement(
    "SELECT id, owner, idempotency_key, status, total_amount, lines, reason FROM orders"
)
PAYMENTS = Statement("SELECT order_id, amount, status FROM payments")
UNFINISHED = Statement("SELECT id FROM orders WHERE step <> 'done' LIMIT 1")
CARTS = Statement("SELECT subject, version, quantities FROM carts")

Stores = Mapping[str, str]
"""URLs by service."""


@dataclass(frozen=True)
class Opening:
    """What there was before: pieces in stock by SKU, and the orders that are not of this load."""

    stock: Mapping[str, int]
    orders: Collection[str]

    @property
    def names(self) -> set[str]:
        """The names of all of them."""
        stock = {f"stock/{sku}" for sku in self.stock}
        return stock | {f"order/{order_id}" for order_id in self.orders}


async def read_opening(stores: Stores) -> Opening:
    """Raises `StoreUnavailable`."""
    orders = await _rows(stores["tracking"], ORDER_IDS)
    return Opening(await _stock(stores), {row["id"] for row in orders})


async def wait_until_at_rest(stores: Stores, *, within: float) -> bool:
    """Wait until no order has a step to do; False if that takes longer.

    Raises `StoreUnavailable`.
    """
    deadline = time.monotonic() + within
    while await _rows(stores["tracking"], UNFINISHED):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL)
    return True


async def read_books(stores: Stores, opening: Opening, *, owners: Iterable[str]) -> Books:
    """What there is now, with the carts of these owners. Raises `StoreUnavailable`."""
    stock = await _stock(stores)
    orders = [_order(row) for row in await _rows(stores["tracking"], ORDERS)]
    payments = [
        Payment(row["order_id"], row["amount"], row["status"])
        for row in await _rows(stores["tracking"], PAYMENTS)
    ]
    found = {*(f"stock/{sku}" for sku in stock), *(f"order/{order.id}" for order in orders)}
    return Books(
        stock={
            sku: StockLevel(before, stock[sku])
            for sku, before in opening.stock.items()
            if sku in stock
        },
        orders=[order for order in orders if order.id not in opening.orders],
        payments=[payment for payment in payments if payment.order_id not in opening.orders],
        carts=await _carts(stores["cart"], set(owners)),
        lost=sorted(opening.names - found),
    )


def owners_of(history: Iterable[Operation]) -> set[str]:
    """The owners of carts and orders."""
    parts = (operation.object.split("/") for operation in history)
    return {part[1] for part in parts if part[0] in KINDS_WITH_OWNER}


async def _stock(stores: Stores) -> dict[str, int]:
    return {row["sku"]: row["available"] for row in await _rows(stores["products"], STOCK)}


def _order(row: Row) -> BookedOrder:
    return BookedOrder(
        id=row["id"],
        owner=row["owner"],
        key=row["idempotency_key"],
        status=row["status"],
        total=row["total_amount"],
        lines={
            line["sku"]: OrderedLine(line["quantity"], line["unit_price"]["amount"])
            for line in json.loads(row["lines"])
        },
        reason=row["reason"],
    )


async def _carts(url: str, owners: Collection[str]) -> dict[str, BookedCart]:
    """A cart that is not in the store is empty, whatever it was before."""
    read = _carts_in_sqlite if url.startswith("sqlite:") else _carts_in_valkey
    return {owner: BookedCart(0, {}) for owner in owners} | await read(url, owners)


async def _carts_in_sqlite(url: str, owners: Collection[str]) -> dict[str, BookedCart]:
    return {
        row["subject"]: BookedCart(row["version"], json.loads(row["quantities"]))
        for row in await _rows(url, CARTS)
        if row["subject"] in owners
    }


async def _carts_in_valkey(url: str, owners: Collection[str]) -> dict[str, BookedCart]:
    carts = {}
    async with Valkey(url, metrics=Metrics("books"), timeout=TIMEOUT) as valkey:
        for owner in owners:
            reply = await valkey.command("read", "HGETALL", f"cart:{owner}")
            fields = dict(zip(reply[::2], reply[1::2], strict=True))
            fields.pop("updated_at", None)
            if version := fields.pop("version", None):
                lines = {sku: int(quantity) for sku, quantity in fields.items()}
                carts[owner] = BookedCart(int(version), lines)
    return carts


async def _rows(url: str, statement: Statement) -> Sequence[Row]:
    async with (
        Database(url, metrics=Metrics("books"), pool_size=1, timeout=TIMEOUT) as database,
        database.reading("books") as connection,
    ):
        return await connection.rows(statement)
