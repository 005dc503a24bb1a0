"""The checks of what all shoppers and probes of a run have seen, against the books of the shop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from app.stores.errors import StoreUnavailable
from cartwheel.books import (
    Opening,
    owners_of,
    read_books,
    read_opening,
    running_stores,
    wait_until_at_rest,
)
from cartwheel.chaos.shop import Shop
from cartwheel.consistency import Report, check
from cartwheel.errors import CommandError
from loadtest.history import Operation, read_history

# Seconds; longer than an order stands still before it is taken up again.
REST_TIMEOUT = 90.0


async def open_books(shop: Shop) -> Opening:
    """What the stores hold before the run. Raises `CommandError`."""
    try:
        return await read_opening(running_stores(shop.state))
    except StoreUnavailable as error:
        raise CommandError(f"The stores cannot be read before any fault: {error}") from None


async def check_histories(folder: Path, shop: Shop, opening: Opening) -> Report:
    """Check the histories that were written to this folder, together. Raises `CommandError`."""
    operations = await asyncio.to_thread(_operations_in, folder)
    stores = running_stores(shop.state)
    try:
        if not await wait_until_at_rest(stores, within=REST_TIMEOUT):
            raise CommandError(f"Orders are still undecided after {REST_TIMEOUT:g} s.")
        books = await read_books(stores, opening, owners=owners_of(operations))
    except StoreUnavailable as error:
        raise CommandError(f"The stores cannot be read after the run: {error}") from None
    return await asyncio.to_thread(check, operations, books)


def _operations_in(folder: Path) -> Sequence[Operation]:
    """In the order in which they ended."""
    found = [one for file in sorted(folder.glob("*.jsonl")) for one in read_history(file)]
    return sorted(found, key=lambda one: one.returned_at)
