"""`final-books`: the books agree with what the clients were told, and with what there was before.

The books are the last word on an order: they do not fall behind a response, and what a refusal has
decided stays so.
"""

from collections.abc import Iterator

from cartwheel.consistency.books import BookedOrder
from cartwheel.consistency.checks.words import described
from cartwheel.consistency.indexed_history import STAGES, IndexedHistory, KnownOrder
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "final-books"
BY_SHOPPER = "shopper"
TOO_LATE = "already-shipped"
"""The problem of a cancel that came too late, so that it has changed nothing."""
UNDONE = frozenset({"checkout-failed", "payment-declined"})
"""Problems of a checkout whose order was made and cancelled."""
NOT_PLACED = frozenset({"already-ordered", "cart-empty", "quote-changed"})
"""Problems of a request that made no order; another one with the same key may have made one."""


def check_final_books(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    for order in history.orders:
        if order.booked is not None:
            findings = list(_findings(order, order.booked))
            result.findings.extend(findings)
            result.passed += not findings
    for name in history.books.lost:
        sentence = f"{name} was in the books at the start and is not at the end."
        result.findings.append(Finding(NAME, name, sentence))
    return result


def _findings(order: KnownOrder, booked: BookedOrder) -> Iterator[Finding]:
    yield from _behind_a_response(order, booked)
    yield from _cancelled_by_nobody(order, booked)
    yield from _refused(order, booked)
    yield from _other_lines(order, booked)


def _behind_a_response(order: KnownOrder, booked: BookedOrder) -> Iterator[Finding]:
    """An order that was shown as confirmed or cancelled, and is not so far in the books."""
    for status in ("cancelled", "confirmed"):
        shown = order.seen_as(status)
        if shown is not None and STAGES[booked.status] < STAGES[status]:
            yield _contradiction(order, booked, shown)
            return


def _cancelled_by_nobody(order: KnownOrder, booked: BookedOrder) -> Iterator[Finding]:
    """Once an order is confirmed, only the shopper can cancel it."""
    if booked.status != "cancelled" or _may_be_cancelled_by_shopper(order, booked):
        return
    shown = order.seen_as("confirmed")
    if shown is not None:
        yield _contradiction(order, booked, shown)
    elif booked.reason == BY_SHOPPER:
        yield _contradiction(order, booked, order.operations[-1])


def _may_be_cancelled_by_shopper(order: KnownOrder, booked: BookedOrder) -> bool:
    if booked.reason not in (None, BY_SHOPPER):
        return False
    cancels = (each for each in order.operations if each.call == "cancel")
    return any(not _is_refused(each) or _problem(each) != TOO_LATE for each in cancels)


def _refused(order: KnownOrder, booked: BookedOrder) -> Iterator[Finding]:
    """An order of which a response says that there is none, and that there will be none."""
    refusals = [each for each in order.places if _is_refused(each)]
    undone = [each for each in refusals if _problem(each) in UNDONE]
    are_final = all(_problem(each) in UNDONE | NOT_PLACED for each in refusals)
    if undone and booked.status != "cancelled":
        yield _contradiction(order, booked, *undone)
    elif are_final and len(refusals) == len(order.places) and booked.status == "confirmed":
        yield _contradiction(order, booked, *refusals)


def _other_lines(order: KnownOrder, booked: BookedOrder) -> Iterator[Finding]:
    for operation in order.operations:
        lines = operation.output.get("lines") if operation.outcome is Outcome.OK else None
        if lines not in (None, booked.quantities):
            sentence = (
                f"The lines of {order.object} ({booked.id}) are {booked.quantities} in the books; "
                f"the shopper was shown {lines}."
            )
            yield Finding(NAME, order.object, sentence, [operation])
            return


def _contradiction(order: KnownOrder, booked: BookedOrder, *operations: Operation) -> Finding:
    reason = f" ({booked.reason})" if booked.reason else ""
    sentence = (
        f"{order.object} ({booked.id}) is {booked.status}{reason} in the books, "
        f"in spite of {described(operations[-1])}."
    )
    return Finding(NAME, order.object, sentence, operations)


def _is_refused(operation: Operation) -> bool:
    return operation.outcome is Outcome.REFUSED


def _problem(operation: Operation) -> str:
    return str(operation.output.get("problem", ""))
