"""The end of a recorded load: the stores come to rest and are read."""

from collections.abc import Sequence
from dataclasses import replace

from app.stores.errors import StoreUnavailable
from cartwheel.books.reader import (
    Opening,
    Stores,
    owners_of,
    read_books,
    wait_until_at_rest,
)
from cartwheel.consistency import Books, CheckResult, Report
from cartwheel.errors import CommandError
from loadtest.history import Operation

REST_WITHIN = 90.0
"""Seconds: longer than it takes until an order that stands still is resumed."""


async def closing_books(
    stores: Stores, opening: Opening, history: Sequence[Operation], *, within: float = REST_WITHIN
) -> Books:
    """What the stores hold when no order has a step to do any more. Raises `CommandError`."""
    try:
        if not await wait_until_at_rest(stores, within=within):
            raise CommandError(
                f"{within:.0f} s after the load there are orders that are not finished, so nothing "
                "can be said about what the stores hold."
            )
        return await read_books(stores, opening, owners=owners_of(history))
    except StoreUnavailable as error:
        raise CommandError(f"The stores cannot be read after the load: {error}") from error


def with_unsettled(report: Report, unsettled: int | None) -> Report:
    """The report of a load that has left so much open; None if it was ended before it was settled.

    What was left open is not decided.
    """
    if unsettled == 0:
        return report
    sentence = (
        "The load was ended before all of its orders, carts and stocks were read to the end."
        if unsettled is None
        else f"{unsettled} orders, carts or stocks could not be read to the end."
    )
    settlement = CheckResult("settlement", undecided=[sentence])
    return replace(report, results=[*report.results, settlement])
