"""`exact-sums`: what went in and did not come out is there.

Carts: the pieces of a product are those of the acknowledged adds without those that were ordered;
what is unknown makes the sum a range. Products that were also set or removed, and carts that were
emptied, are left to `linearizable-carts`. Stock: what is missing at the end is in confirmed orders;
products that were restocked are left to `linearizable-stock`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cartwheel.consistency.cart_model import MAX_QUANTITY
from cartwheel.consistency.indexed_history import Happened, IndexedHistory, id_of
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "exact-sums"


@dataclass
class _Sums:
    """Pieces by SKU: the certain ones, and those that there may be besides."""

    certain: Counter[str] = field(default_factory=Counter)
    possible: Counter[str] = field(default_factory=Counter)


def check_sums(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    for names, operations in history.cart_groups:
        if _is_summable(operations) and all(id_of(name) in history.books.carts for name in names):
            _record(result, _cart_findings(history, names, operations))
    if history.books.orders is not None:
        for findings in _stock_findings(history):
            _record(result, findings)
    return result


def _record(result: CheckResult, findings: Sequence[Finding]) -> None:
    result.findings.extend(findings)
    result.passed += not findings


def _is_summable(operations: Iterable[Operation]) -> bool:
    return not any(
        each.call == "clear" and each.outcome is not Outcome.REFUSED for each in operations
    )


def _cart_findings(
    history: IndexedHistory, names: Sequence[str], operations: Sequence[Operation]
) -> list[Finding]:
    owners = [id_of(name) for name in names]
    added = _added(operations)
    ordered = _ordered(history, owners)
    left: Counter[str] = Counter()
    for owner in owners:
        left.update(history.books.carts[owner].lines)
    replaced = {each.input["sku"] for each in operations if each.call in ("set", "remove")}
    findings = []
    for sku in sorted({*added.certain, *added.possible, *left} - replaced):
        most = added.certain[sku] + added.possible[sku]
        if most > MAX_QUANTITY:  # A merge may have cut it.
            continue
        least = added.certain[sku] - ordered.certain[sku] - ordered.possible[sku]
        most -= ordered.certain[sku]
        if not max(least, 0) <= left[sku] <= most:
            sentence = (
                f"{names[0]} holds {left[sku]} {sku} at the end. Adds of {_range(added, sku)} "
                f"pieces were acknowledged, orders took {_range(ordered, sku)}."
            )
            adds = [each for each in operations if each.input.get("sku") == sku]
            findings.append(Finding(NAME, names[0], sentence, adds))
    return findings


def _added(operations: Iterable[Operation]) -> _Sums:
    """A repeated key adds once."""
    sums = _Sums()
    by_key: dict[object, list[Operation]] = {}
    for operation in operations:
        if operation.call == "add" and operation.outcome is not Outcome.REFUSED:
            key = operation.input.get("key")
            identity = id(operation) if key is None else (operation.object, key)
            by_key.setdefault(identity, []).append(operation)
    for repeats in by_key.values():
        is_known = any(each.outcome is Outcome.OK for each in repeats)
        counter = sums.certain if is_known else sums.possible
        counter[repeats[0].input["sku"]] += repeats[0].input["quantity"]
    return sums


def _ordered(history: IndexedHistory, owners: Iterable[str]) -> _Sums:
    sums = _Sums()
    for owner in owners:
        for order in history.orders_by_owner.get(owner, ()):
            if order.confirmed is Happened.YES:
                sums.certain.update(order.quantities)
            elif order.confirmed is Happened.PERHAPS:
                sums.possible.update(order.quantities)
    return sums


def _stock_findings(history: IndexedHistory) -> Iterator[list[Finding]]:
    sold, held = history.pieces_in_orders("confirmed"), history.pieces_in_orders("pending")
    restocked = {
        id_of(name)
        for name, operations in history.objects("stock").items()
        if any(each.call == "restock" for each in operations)
    }
    for sku, level in sorted(history.books.stock.items()):
        if sku in restocked:
            continue
        missing = level.start - level.end
        findings = []
        if not sold[sku] <= missing <= sold[sku] + held[sku]:
            sentence = (
                f"The stock of {sku} went from {level.start} to {level.end}, "
                f"but confirmed orders have {sold[sku]} pieces of it."
            )
            findings.append(Finding(NAME, f"stock/{sku}", sentence))
        yield findings


def _range(sums: _Sums, sku: str) -> str:
    certain, possible = sums.certain[sku], sums.possible[sku]
    return f"{certain} to {certain + possible}" if possible else str(certain)
