"""Findings in the order in which a person should read them: causes before their consequences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cartwheel.doctor.check import Examination
from cartwheel.doctor.finding import Finding, Severity


@dataclass(frozen=True)
class Diagnosed:
    """A finding, the check that made it, and the findings that follow from it."""

    check: str
    finding: Finding
    consequences: list["Diagnosed"] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The names by which a consequence refers to this finding."""
        return {self.check, f"{self.check} {self.finding.about}"}


def diagnose(examinations: Sequence[Examination]) -> Sequence[Diagnosed]:
    """Problems before risks, each with its consequences; else in the order of the checks.

    The checks stand in the order of the chain that they look at, so an earlier finding may be the
    cause of a later one, never the other way round.
    """
    causes: list[Diagnosed] = []
    for examination in examinations:
        for finding in examination.findings:
            diagnosed = Diagnosed(examination.check, finding)
            cause = _cause_of(finding, causes)
            (causes if cause is None else cause.consequences).append(diagnosed)
    return sorted(causes, key=lambda each: each.finding.severity is Severity.RISK)


def _cause_of(finding: Finding, causes: Sequence[Diagnosed]) -> Diagnosed | None:
    """A risk does not show yet, so no problem that shows now follows from it."""
    wanted = set(finding.follows_from)
    return next(
        (
            cause
            for cause in _all_of(causes)
            if cause.names & wanted
            and (cause.finding.severity is Severity.PROBLEM or finding.severity is Severity.RISK)
        ),
        None,
    )


def _all_of(diagnosis: Sequence[Diagnosed]) -> Iterator[Diagnosed]:
    """These and what follows from them."""
    for each in diagnosis:
        yield each
        yield from _all_of(each.consequences)
