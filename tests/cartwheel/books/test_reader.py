"""What was there at the start and is gone at the end is said."""

import sqlite3
from pathlib import Path

from cartwheel.books.reader import Opening, read_books

TABLES = """
CREATE TABLE products (sku TEXT, available INTEGER);
CREATE TABLE orders (id TEXT, owner TEXT, idempotency_key TEXT, status TEXT, total_amount INTEGER,
                     lines TEXT, reason TEXT, step TEXT);
CREATE TABLE payments (order_id TEXT, amount INTEGER, status TEXT);
CREATE TABLE carts (subject TEXT, version INTEGER, quantities TEXT);
INSERT INTO products VALUES ('MUG', 4);
INSERT INTO orders VALUES ('ord_1', 'ann', 'k', 'confirmed', 100, '[]', NULL, 'done');
"""


async def test_products_and_orders_that_are_gone_are_lost(tmp_path: Path) -> None:
    store = sqlite3.connect(tmp_path / "store.db")
    store.executescript(TABLES)
    store.close()
    stores = dict.fromkeys(("products", "tracking", "cart"), f"sqlite:///{tmp_path}/store.db")
    opening = Opening({"MUG": 5, "LAMP": 2}, {"ord_0", "ord_1"})
    books = await read_books(stores, opening, owners=["ann"])
    assert books.lost == ["order/ord_0", "stock/LAMP"]
    assert books.orders == []
