"""`no-oversell`: no more pieces of a product are sold than there were."""

from collections.abc import Sequence

from cartwheel.consistency.indexed_history import IndexedHistory, id_of
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "no-oversell"


def check_overselling(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    sold = history.pieces_in_orders("confirmed")
    stock = history.objects("stock")
    names = {*stock, *(f"stock/{sku}" for sku in history.books.stock)}
    for name in sorted(names):
        operations = stock.get(name, ())
        findings = [
            *_sold_too_many(history, name, sold[id_of(name)], operations),
            *_shown_below_zero(name, operations),
        ]
        result.findings.extend(findings)
        result.passed += not findings
    return result


def _sold_too_many(
    history: IndexedHistory, name: str, sold: int, operations: Sequence[Operation]
) -> list[Finding]:
    level = history.books.stock.get(id_of(name))
    if level is None:
        return []
    restocks = [
        each
        for each in operations
        if each.call == "restock" and each.outcome is not Outcome.REFUSED
    ]
    # A restock sets the stock: it adds at most what it sets.
    most = level.start + sum(each.input["available"] for each in restocks)
    if sold > most:
        sentence = f"{sold} pieces of {id_of(name)} are in confirmed orders, of {most} there were."
        return [Finding(NAME, name, sentence, restocks)]
    if level.end < 0:
        sentence = f"The stock of {id_of(name)} is {level.end} at the end."
        return [Finding(NAME, name, sentence)]
    return []


def _shown_below_zero(name: str, operations: Sequence[Operation]) -> list[Finding]:
    for operation in operations:
        if operation.output.get("available", 0) < 0:
            sentence = f"The stock of {id_of(name)} was {operation.output['available']}."
            return [Finding(NAME, name, sentence, [operation])]
    return []
