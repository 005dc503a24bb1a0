"""All checks of a history."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cartwheel.consistency.books import Books
from cartwheel.consistency.checks import (
    exact_sums,
    final_books,
    linearizable_carts,
    linearizable_stock,
    money_equals_orders,
    monotone_versions,
    no_oversell,
    one_order_per_key,
    read_your_writes,
    sessions,
)
from cartwheel.consistency.indexed_history import IndexedHistory
from cartwheel.consistency.linearizability import Limits
from cartwheel.consistency.report import CheckResult, Report
from loadtest.history import Operation, Outcome

CHECKS: Mapping[str, Callable[[IndexedHistory, Limits], CheckResult]] = {
    exact_sums.NAME: lambda history, _: exact_sums.check_sums(history),
    no_oversell.NAME: lambda history, _: no_oversell.check_overselling(history),
    final_books.NAME: lambda history, _: final_books.check_final_books(history),
    one_order_per_key.NAME: lambda history, _: one_order_per_key.check_keys(history),
    money_equals_orders.NAME: lambda history, _: money_equals_orders.check_money(history),
    monotone_versions.NAME: lambda history, _: monotone_versions.check_versions(history),
    read_your_writes.NAME: lambda history, _: read_your_writes.check_own_writes(history),
    linearizable_carts.NAME: linearizable_carts.check_carts,
    linearizable_stock.NAME: linearizable_stock.check_stock,
    sessions.NAME: lambda history, _: sessions.check_sessions(history),
}
"""The checks by name."""
NEEDS_BOOKS = frozenset({linearizable_stock.NAME})
"""It cannot be decided without the stock at the start."""


def check(
    history: Sequence[Operation],
    books: Books,
    *,
    names: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> Report:
    """Check a history against the books of the shop, by all checks or those in ``names``."""
    indexed = IndexedHistory(history, books)
    results = [CHECKS[name](indexed, limits or Limits()) for name in names or CHECKS]
    counts = Counter(operation.outcome for operation in history)
    operations = {str(outcome): counts[outcome] for outcome in Outcome}
    return Report(operations, results)


def check_responses(history: Sequence[Operation], *, limits: Limits | None = None) -> Report:
    """Check what can be decided without the books: whether the responses contradict each other."""
    names = [name for name in CHECKS if name not in NEEDS_BOOKS]
    return replace(check(history, Books(), names=names, limits=limits), are_books_read=False)
