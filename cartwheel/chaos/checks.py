"""The checks of what all shoppers and probes of a run have seen, against the books of the shop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from app.stores.errors import StoreUnavailable
from cartwheel.books import Opening, closing_books, read_opening, running_stores, with_unsettled
from cartwheel.chaos.shop import Shop
from cartwheel.consistency import Report, check
from cartwheel.errors import CommandError
from loadtest.history import Operation, read_history


async def open_books(shop: Shop) -> Opening:
    """What the stores hold before the run. Raises `CommandError`."""
    try:
        return await read_opening(running_stores(shop.state))
    except StoreUnavailable as error:
        raise CommandError(f"The stores cannot be read before any fault: {error}") from None


async def check_histories(
    folder: Path, shop: Shop, opening: Opening, *, unsettled: int | None
) -> Report:
    """Check the histories that were written to this folder, together.

    ``unsettled`` is how much the shoppers have left open. Raises `CommandError`.
    """
    operations = await asyncio.to_thread(_operations_in, folder)
    books = await closing_books(running_stores(shop.state), opening, operations)
    return with_unsettled(await asyncio.to_thread(check, operations, books), unsettled)


def _operations_in(folder: Path) -> Sequence[Operation]:
    """In the order in which they ended."""
    found = [one for file in sorted(folder.glob("*.jsonl")) for one in read_history(file)]
    return sorted(found, key=lambda one: one.returned_at)
