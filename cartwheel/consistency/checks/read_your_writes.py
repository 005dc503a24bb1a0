"""`read-your-writes`: a client sees what was acknowledged to it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cartwheel.consistency.checks.words import described
from cartwheel.consistency.indexed_history import IndexedHistory
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "read-your-writes"


def check_own_writes(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    for kind, violations in (("cart", _hidden_changes), ("order", _hidden_orders)):
        for name, operations in history.objects(kind).items():
            by_client: dict[int, list[Operation]] = defaultdict(list)
            for operation in operations:
                by_client[operation.client].append(operation)
            findings = [finding for own in by_client.values() for finding in violations(name, own)]
            result.findings.extend(findings)
            result.passed += not findings
    return result


def _hidden_changes(name: str, own: Sequence[Operation]) -> Iterator[Finding]:
    """A client's response with a smaller version than that of its own earlier change."""
    latest: Operation | None = None
    for operation in own:
        if operation.outcome is not Outcome.OK or "version" not in operation.output:
            continue
        version = operation.output["version"]
        if latest is not None and version < latest.output["version"]:
            sentence = f"{described(operation)} does not show {described(latest)}."
            yield Finding(NAME, name, sentence, [latest, operation])
            return
        if operation.call != "read":
            latest = operation


def _hidden_orders(name: str, own: Sequence[Operation]) -> Iterator[Finding]:
    """An order that a client cannot read, or reads with another id, after it was acknowledged."""
    placed: Operation | None = None
    for operation in own:
        if operation.call == "place" and operation.outcome is Outcome.OK:
            placed = placed or operation
        if placed is None or operation.call != "read":
            continue
        is_missing = operation.outcome is Outcome.REFUSED
        is_another = operation.outcome is Outcome.OK and (
            operation.output.get("id", placed.output.get("id")) != placed.output.get("id")
        )
        if is_missing or is_another:
            sentence = f"{described(operation)} does not show {described(placed)}."
            yield Finding(NAME, name, sentence, [placed, operation])
            return
