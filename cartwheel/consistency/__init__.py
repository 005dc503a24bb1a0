"""Checks that a shop lost, doubled and oversold nothing.

    report = check(history, books)
    print("\n".join(report.sentences))

A history is what the clients saw (`loadtest.history`), the books are what the stores hold at the
end. `docs/consistency.md` says what each check means.
"""

from cartwheel.consistency.books import (
    BookedCart,
    BookedOrder,
    Books,
    OrderedLine,
    Payment,
    StockLevel,
)
from cartwheel.consistency.checker import CHECKS, check, check_responses
from cartwheel.consistency.report import CheckResult, Finding, Report

__all__ = [
    "CHECKS",
    "BookedCart",
    "BookedOrder",
    "Books",
    "CheckResult",
    "Finding",
    "OrderedLine",
    "Payment",
    "Report",
    "StockLevel",
    "check",
    "check_responses",
]
