"""`one-order-per-key`: a key stands for one order, and an acknowledged order exists."""

from collections import defaultdict
from collections.abc import Iterator

from cartwheel.consistency.books import BookedOrder
from cartwheel.consistency.indexed_history import IndexedHistory, KnownOrder, order_object
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Outcome

NAME = "one-order-per-key"


def check_keys(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    booked: dict[str, list[BookedOrder]] = defaultdict(list)
    for order in history.books.orders or ():
        booked[order_object(order)].append(order)
    known = {order.object: order for order in history.orders}
    for name in sorted({*known, *booked}):
        findings = list(_findings(name, known.get(name), booked.get(name, [])))
        result.findings.extend(findings)
        result.passed += not findings
    return result


def _findings(name: str, order: KnownOrder | None, booked: list[BookedOrder]) -> Iterator[Finding]:
    if len(booked) > 1:
        ids = ", ".join(each.id for each in booked)
        sentence = f"{name} has {len(booked)} orders in the books: {ids}."
        yield Finding(NAME, name, sentence, order.places if order else ())
    if order is None:
        return
    acknowledged = [each for each in order.places if each.outcome is Outcome.OK]
    shown = {each.output["id"] for each in acknowledged if "id" in each.output}
    if len(shown) > 1:
        sentence = f"{name} was acknowledged as several orders: {', '.join(sorted(shown))}."
        yield Finding(NAME, name, sentence, acknowledged)
    if acknowledged and order.in_books and not booked:
        sentence = (
            f"{name} was acknowledged as order {', '.join(sorted(shown))} and is not in the books."
        )
        yield Finding(NAME, name, sentence, acknowledged)
    elif booked and len(shown) == 1 and shown.isdisjoint(each.id for each in booked):
        sentence = (
            f"{name} was acknowledged as order {shown.pop()} and is {booked[0].id} in the books."
        )
        yield Finding(NAME, name, sentence, acknowledged)
