"""What the checks found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.history import Operation, Outcome


@dataclass(frozen=True)
class Finding:
    """A violation: what is wrong with which object, and the operations that show it."""

    check: str
    object: str
    sentence: str
    operations: Sequence[Operation] = ()

    def as_json(self) -> dict[str, Any]:
        operations = [operation_as_json(operation) for operation in self.operations]
        return {
            "check": self.check,
            "object": self.object,
            "sentence": self.sentence,
            "operations": operations,
        }


@dataclass
class CheckResult:
    """How many objects a check passed, failed, or left undecided (``undecided`` says why)."""

    name: str
    passed: int = 0
    findings: list[Finding] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return len({finding.object for finding in self.findings})

    @property
    def sentence(self) -> str:
        parts = [f"{self.passed} passed"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.undecided:
            parts.append(f"{len(self.undecided)} not decided")
        return f"{self.name}: {', '.join(parts)}"


@dataclass(frozen=True)
class Report:
    """What was found out about a history. ``operations`` counts them by outcome.

    ``are_books_read`` is False if only the responses were checked.
    """

    operations: Mapping[str, int]
    results: Sequence[CheckResult]
    are_books_read: bool = True

    @property
    def findings(self) -> list[Finding]:
        return [finding for result in self.results for finding in result.findings]

    @property
    def undecided(self) -> list[str]:
        return [sentence for result in self.results for sentence in result.undecided]

    @property
    def passed(self) -> bool:
        """Whether something was checked, nothing was found, and everything was decided."""
        return self.has_checked and not self.findings and not self.undecided

    @property
    def has_checked(self) -> bool:
        """Whether the shop has acknowledged anything."""
        return self.operations.get(Outcome.OK, 0) > 0

    @property
    def sentences(self) -> list[str]:
        """The whole report, one sentence a line."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.operations.items())
        total = sum(self.operations.values())
        lines = [f"{total} operations: {counts}."]
        lines += [f"{result.sentence}." for result in self.results]
        lines += [f"{finding.check}: {finding.sentence}" for finding in self.findings]
        lines += self.undecided
        return [*lines, self._conclusion]

    @property
    def _conclusion(self) -> str:
        if self.findings:
            number = len(self.findings)
            return f"{number} violation{'s' if number > 1 else ''} found."
        if self.undecided:
            return "No violation found, but not everything was decided."
        if not self.has_checked:
            return "Nothing was checked: no operation was acknowledged."
        if not self.are_books_read:
            return "No violation found in the responses; the stores were not read."
        return "No violation found."

    def as_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "books": self.are_books_read,
            "operations": dict(self.operations),
            "checks": {
                result.name: {
                    "passed": result.passed,
                    "failed": result.failed,
                    "undecided": len(result.undecided),
                }
                for result in self.results
            },
            "findings": [finding.as_json() for finding in self.findings],
            "undecided": self.undecided,
        }


def operation_as_json(operation: Operation) -> dict[str, Any]:
    return {
        "client": operation.client,
        "object": operation.object,
        "call": operation.call,
        "input": dict(operation.input),
        "output": dict(operation.output),
        "outcome": str(operation.outcome),
        "called_at": operation.called_at,
        "returned_at": operation.returned_at,
    }
