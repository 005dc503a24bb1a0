"""Reads the books of a running shop from its stores: what there is of stock, orders and carts.

    stores = running_stores(state)
    opening = await read_opening(stores)
    ...
    await wait_until_at_rest(stores, within=90)
    books = await read_books(stores, opening, owners=owners_of(history))

The stores are read directly, so what is read depends on no service. Services own their tables: this
is the only other reader, and a test compares it with what the services say.
"""

from cartwheel.books.reader import (
    Opening,
    owners_of,
    read_books,
    read_opening,
    wait_until_at_rest,
)
from cartwheel.books.running_stores import running_stores

__all__ = [
    "Opening",
    "owners_of",
    "read_books",
    "read_opening",
    "running_stores",
    "wait_until_at_rest",
]
