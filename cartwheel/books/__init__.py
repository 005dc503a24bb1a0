"""Reads the books of a running shop from its stores: what there is of stock, orders and carts.

    stores = running_stores(state)
    opening = await read_opening(stores)
    ...
    books = await closing_books(stores, opening, history)

The stores are read directly, so what is read depends on no service. Services own their tables: this
is the only other reader, and a test compares it with what the services say.
"""

from cartwheel.books.closing import closing_books, with_unsettled
from cartwheel.books.reader import Opening, read_opening
from cartwheel.books.running_stores import running_stores

__all__ = [
    "Opening",
    "closing_books",
    "read_opening",
    "running_stores",
    "with_unsettled",
]
