"""`monotone-versions`: nothing that was seen goes back, and a version has one content.

An operation that begins after another has returned sees the same version or a later one, and an
order that was decided stays decided.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from cartwheel.consistency.checks.words import described
from cartwheel.consistency.indexed_history import STAGES, IndexedHistory
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "monotone-versions"


def check_versions(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    objects = chain(history.objects("cart").items(), history.objects("order").items())
    for name, operations in objects:
        acknowledged = [each for each in operations if each.outcome is Outcome.OK]
        findings = [
            *_going_back(name, acknowledged, "version"),
            *_going_back(name, acknowledged, "sequence"),
            *_going_back(name, acknowledged, "status"),
            *_two_contents(name, acknowledged),
        ]
        result.findings.extend(findings)
        result.passed += not findings
    return result


def _going_back(name: str, operations: Sequence[Operation], member: str) -> Iterator[Finding]:
    """The first operation that shows less than one that had returned before it began."""
    # A replay is the first response once more: it does not show how things are now.
    shown = [
        each
        for each in operations
        if _rank(each, member) is not None and not (member == "status" and _is_replay(each))
    ]
    returned = sorted(shown, key=lambda each: each.returned_at)
    latest: Operation | None = None
    position = 0
    for operation in shown:
        while position < len(returned) and returned[position].returned_at < operation.called_at:
            candidate = returned[position]
            if latest is None or _rank_of(candidate, member) > _rank_of(latest, member):
                latest = candidate
            position += 1
        if latest is not None and _rank_of(operation, member) < _rank_of(latest, member):
            sentence = (
                f"The {member} of {name} went back from {latest.output[member]} to "
                f"{operation.output[member]}: {described(operation)}."
            )
            yield Finding(NAME, name, sentence, [latest, operation])
            return


def _two_contents(name: str, operations: Sequence[Operation]) -> Iterator[Finding]:
    first: dict[int, Operation] = {}
    for operation in operations:
        if "lines" not in operation.output or "version" not in operation.output:
            continue
        version = operation.output["version"]
        earlier = first.setdefault(version, operation)
        if earlier.output["lines"] != operation.output["lines"]:
            sentence = f"Version {version} of {name} was shown with different lines."
            yield Finding(NAME, name, sentence, [earlier, operation])
            return


def _rank(operation: Operation, member: str) -> int | None:
    value: Any = operation.output.get(member)
    return STAGES.get(value) if member == "status" else value


def _is_replay(operation: Operation) -> bool:
    return bool(operation.output.get("replayed"))


def _rank_of(operation: Operation, member: str) -> int:
    rank = _rank(operation, member)
    return -1 if rank is None else rank
