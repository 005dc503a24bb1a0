"""`money-equals-orders`: each confirmed order is paid once and exactly, and nothing else is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cartwheel.consistency.books import BookedOrder, Payment
from cartwheel.consistency.indexed_history import IndexedHistory, KnownOrder, order_object
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Outcome

NAME = "money-equals-orders"


def check_money(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    known = {order.object: order for order in history.orders}
    payments = _payments_by_order(history)
    booked = history.books.orders
    if booked is None:
        return result
    for order in booked:
        name = order_object(order)
        if order.status == "pending":
            result.undecided.append(f"{NAME}: {name} is not decided: it is still pending.")
            continue
        findings = [
            *_wrong_total(name, order, known.get(name)),
            *_wrong_payment(name, order, payments),
        ]
        result.findings.extend(findings)
        result.passed += not findings
    result.findings.extend(_payments_without_order(booked, payments or {}))
    return result


def _payments_by_order(history: IndexedHistory) -> Mapping[str, Sequence[Payment]] | None:
    if history.books.payments is None:
        return None
    payments: dict[str, list[Payment]] = defaultdict(list)
    for payment in history.books.payments:
        if payment.status == "charged":
            payments[payment.order_id].append(payment)
    return payments


def _wrong_total(name: str, order: BookedOrder, known: KnownOrder | None) -> Iterator[Finding]:
    total = sum(line.quantity * line.unit_price for line in order.lines.values())
    if total != order.total:
        sentence = f"The lines of {name} ({order.id}) cost {total}, its total is {order.total}."
        yield Finding(NAME, name, sentence)
    for operation in known.operations if known else ():
        shown = operation.output.get("total") if operation.outcome is Outcome.OK else None
        agreed = operation.input.get("expected_total") if shown is not None else None
        if shown not in (None, order.total) or agreed not in (None, order.total):
            sentence = (
                f"The total of {name} ({order.id}) is {order.total} in the books; "
                f"the shopper expected {agreed} and was shown {shown}."
            )
            yield Finding(NAME, name, sentence, [operation])
            return


def _wrong_payment(
    name: str, order: BookedOrder, payments: Mapping[str, Sequence[Payment]] | None
) -> Iterator[Finding]:
    if payments is None:
        return
    amounts = [payment.amount for payment in payments.get(order.id, ())]
    expected = [order.total] if order.status == "confirmed" else []
    if amounts != expected:
        sentence = (
            f"{name} ({order.id}) is {order.status} with a total of {order.total}; "
            f"the payments kept for it are {amounts or 'none'}."
        )
        yield Finding(NAME, name, sentence)


def _payments_without_order(
    booked: Sequence[BookedOrder], payments: Mapping[str, Sequence[Payment]]
) -> Iterator[Finding]:
    ids = {order.id for order in booked}
    for order_id in sorted(payments.keys() - ids):
        sentence = f"A payment was kept for order {order_id}, which is not in the books."
        yield Finding(NAME, f"payment/{order_id}", sentence)
