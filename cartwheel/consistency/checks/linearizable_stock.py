"""`linearizable-stock`: the stock of every product changes by one operation at a time.

An order holds its pieces between the start of its checkout and its confirmation. If it is
cancelled, it gives them back.
"""

from collections.abc import Iterable, Iterator

from cartwheel.consistency.books import StockLevel
from cartwheel.consistency.checks.search import record_verdict
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
        if level is None:
            result.undecided.append(
                f"{NAME}: {name} is not decided: the books have no start of it."
            )
            continue
        orders = [each for each in history.orders_by_sku.get(sku, ()) if _may_hold(each)]
        calls = [
            *_calls_of_clients(operations.get(name, ()), end=history.end),
            *(timed for order in orders for timed in _calls_of_order(order, sku, end=history.end)),
            _call_of_books(level, at=history.end + 1.0),
        ]
        cancellable = frozenset(each.object for each in orders if _may_give_back(each))
        model = StockModel(level.start, cancellable=cancellable)
        record_verdict(result, name, linearize(model, calls, limits))
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
    quantity, source = order.quantities[sku], order.places[0]
    is_confirmed = order.confirmed is Happened.YES
    yield TimedCall(
        StockCall("hold", quantity, order.object, source),
        order.called_at,
        order.confirmed_by(end=end),
        optional=not is_confirmed,
    )
    if not _may_give_back(order):
        return
    # What was confirmed is given back to the shopper who cancels, not before.
    first_cancel = min((each.called_at for each in order.cancels), default=order.called_at)
    yield TimedCall(
        StockCall("give_back", quantity, order.object, source),
        first_cancel if is_confirmed else order.called_at,
        end,
        optional=order.cancelled is not Happened.YES,
    )


def _call_of_books(level: StockLevel, *, at: float) -> TimedCall[StockCall]:
    return TimedCall(StockCall("read", level.end), at, at)


def _may_hold(order: KnownOrder) -> bool:
    """An order that was refused for want of stock has held none of its lines."""
    is_refused = order.booked is not None and order.booked.reason == "out-of-stock"
    return order.exists is not Happened.NO and not is_refused


def _may_give_back(order: KnownOrder) -> bool:
    return order.cancelled is not Happened.NO
