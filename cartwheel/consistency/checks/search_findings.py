"""From the result of a search to a finding in words."""

from typing import Protocol, TypeVar

from cartwheel.consistency.checks.words import described
from cartwheel.consistency.linearizability import (
    Linearizable,
    NotLinearizable,
    SearchResult,
    Undecided,
)
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation

MAX_SHOWN = 12
"""Operations of a finding: those nearest to the violation."""


class SourcedCall(Protocol):
    """A call of a model; ``source`` is the operation that it stands for, None for the books."""

    @property
    def source(self) -> Operation | None: ...


AnyCall = TypeVar("AnyCall", bound=SourcedCall)


def record_result(result: CheckResult, name: str, found: SearchResult[AnyCall]) -> None:
    """Add what was found out about the object ``name``."""
    match found:
        case Linearizable():
            result.passed += 1
        case Undecided(reason):
            result.undecided.append(f"{result.name}: {name} is not decided: {reason}.")
        case NotLinearizable():
            result.findings.append(_finding(result.name, name, found))


def _finding(check: str, name: str, found: NotLinearizable[AnyCall]) -> Finding:
    sources = (timed.call.source for timed in found.prefix)
    operations = list({id(each): each for each in sources if each is not None}.values())
    stuck = found.stuck.call.source
    if stuck is None:
        sentence = f"The books of {name} do not follow from the {len(operations)} operations."
    else:
        name = stuck.object
        sentence = (
            f"{described(stuck)} is not possible in any order of the "
            f"{len(operations)} operations that began before its return."
        )
    return Finding(check, name, sentence, operations[-MAX_SHOWN:])
