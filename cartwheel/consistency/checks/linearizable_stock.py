"""`linearizable-stock`: the stock of every product changes by one operation at a time.

An order holds its pieces between the start of its checkout and its confirmation. If it is
cancelled, it gives them back.
"""

from collections.abc import Iterable, Iterator, Sequence

from cartwheel.consistency.books import StockLevel
from cartwheel.consistency.checks.search_findings import record_result
from cartwheel.consistency.indexed_history import Happened, IndexedHistory, KnownOrder, id_of
from cartwheel.consistency.linearizability import Limits, TimedCall, linearize
from cartwheel.consistency.report import CheckResult
from cartwheel.consistency.stock_model import StockCall, StockModel
from loadtest.history import Operation, Outcome

NAME = "linearizable-stock"


def check_stock(history: IndexedHistory, limits: Limits) -> CheckResult:
    result = CheckResult(NAME)
    operations = history.objects("stock")
    for name in sorted({*operations, *(f"stock/{sku}" for sku in history.books.stock)}):
        sku = id_of(name)
        level = history.books.stock.get(sku)
        if name in history.books.lost:  # a finding of `final-books`
            continue
        if level is None:
            result.undecided.append(
                f"{NAME}: {name} is not decided: the books have no start of it."
            )
            continue
        orders = [each for each in history.orders_by_sku.get(sku, ()) if _may_hold(each)]
        calls = [
            *_calls_of_clients(operations.get(name, ()), end=history.end),
            *(timed for order in orders for timed in _calls_of_order(order, sku, end=history.end)),
            _call_of_books(level, orders, at=history.end + 1.0),
        ]
        record_result(result, name, linearize(StockModel(level.start), calls, limits))
    return result


def _calls_of_clients(
    operations: Iterable[Operation], *, end: float
) -> Iterator[TimedCall[StockCall]]:
    for operation in operations:
        is_known = operation.outcome is Outcome.OK
        if operation.outcome is Outcome.REFUSED or (operation.call == "read" and not is_known):
            continue
        document = operation.output if operation.call == "read" else operation.input
        call = StockCall(operation.call, document["available"], source=operation)
        returned_at = operation.returned_at if is_known else end
        yield TimedCall(call, operation.called_at, returned_at, optional=not is_known)


def _calls_of_order(order: KnownOrder, sku: str, *, end: float) -> Iterator[TimedCall[StockCall]]:
    """An order that may be cancelled is counted with what it gives back, and without."""
    amount, source = order.quantities[sku], next(iter(order.places), None)
    is_confirmed = order.confirmed is Happened.YES
    undone_by = order.undone_by(end=end)
    held_by = min(order.confirmed_by(end=end), undone_by)
    if order.cancelled is not Happened.YES:
        is_sold = is_confirmed and order.cancelled is Happened.NO
        call = StockCall("sell", amount, source)
        yield TimedCall(call, order.called_at, held_by, optional=not is_sold)
    if order.cancelled is not Happened.NO:
        is_held = is_confirmed and order.cancelled is Happened.YES
        call = StockCall("hold", amount, source)
        yield TimedCall(call, order.called_at, held_by, optional=not is_held)
        call = StockCall("give_back", amount, source)
        yield TimedCall(call, _given_back_after(order), undone_by, optional=not is_held)


def _given_back_after(order: KnownOrder) -> float:
    """What was confirmed is given back to a shopper who cancels, and not before."""
    cancels = [each.called_at for each in order.cancels]
    return min(cancels) if cancels and order.confirmed is Happened.YES else order.called_at


def _call_of_books(
    level: StockLevel, orders: Sequence[KnownOrder], *, at: float
) -> TimedCall[StockCall]:
    is_settled = all(order.cancelled is not Happened.PERHAPS for order in orders)
    return TimedCall(StockCall("close" if is_settled else "read", level.end), at, at)


def _may_hold(order: KnownOrder) -> bool:
    """An order that was refused for want of stock has held none of its lines."""
    is_refused = order.booked is not None and order.booked.reason == "out-of-stock"
    return order.exists is not Happened.NO and not is_refused
