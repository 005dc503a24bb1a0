"""Somebody else may use the shop while a history is recorded."""

import pytest

from cartwheel.consistency import BookedOrder, Books, OrderedLine, StockLevel, check
from loadtest.history import Operation, Outcome


def findings(order: BookedOrder, *, end: int, shown: int) -> list[str]:
    history = [
        Operation(1, "cart/ann", "read", {}, {"version": 0, "lines": {}}, Outcome.OK, 0.0, 1.0),
        Operation(1, "stock/MUG", "read", {}, {"available": shown}, Outcome.OK, 2.0, 3.0),
    ]
    books = Books(stock={"MUG": StockLevel(5, end)}, orders=[order])
    report = check(history, books, names=["linearizable-stock"])
    return [finding.sentence for finding in report.findings]


def ordered(owner: str, status: str, reason: str | None = None) -> BookedOrder:
    return BookedOrder("ord_1", owner, "k", status, 200, {"MUG": OrderedLine(2, 100)}, reason)


@pytest.mark.parametrize("shown", [5, 3])
def test_their_orders_may_have_taken_from_the_stock_at_any_time(shown: int) -> None:
    assert findings(ordered("bob", "confirmed"), end=3, shown=shown) == []


@pytest.mark.parametrize("shown", [5, 3])
@pytest.mark.parametrize("reason", ["shopper", "payment-declined"])
def test_their_cancelled_orders_may_have_held_it(shown: int, reason: str) -> None:
    assert findings(ordered("bob", "cancelled", reason), end=5, shown=shown) == []


def test_what_they_did_not_order_is_still_missed() -> None:
    assert findings(ordered("bob", "confirmed"), end=2, shown=5) != []


def test_an_order_of_a_client_that_it_did_not_place_is_found() -> None:
    assert findings(ordered("ann", "confirmed"), end=3, shown=3) != []
