"""What the books do not tell is not held against the shop."""

from cartwheel.consistency import Books, Payment, StockLevel, check
from loadtest.history import Operation, Outcome

READ = Operation(1, "stock/MUG", "read", {}, {"available": 5}, Outcome.OK, 1.0, 2.0)


def test_payments_without_known_orders_are_not_compared() -> None:
    books = Books(stock={"MUG": StockLevel(5, 5)}, payments=[Payment("ord_1", 100, "charged")])
    assert check([READ], books).passed


def test_a_product_that_is_lost_is_one_finding_and_not_undecided() -> None:
    report = check([READ], Books(lost=["stock/MUG"]))
    assert [(each.check, each.object) for each in report.findings] == [("final-books", "stock/MUG")]
    assert report.undecided == []
