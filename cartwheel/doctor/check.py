"""Checks, and how they run: each by itself, so that one that fails stops no other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cartwheel.doctor.finding import Finding, Healthy, Outcome, Unseen
from cartwheel.errors import CommandError, describe_error

Scene = TypeVar("Scene")


@dataclass(frozen=True)
class Check(Generic[Scene]):
    """One question to a scene: this machine, or a namespace of a cluster.

    ``looks_at`` completes "looks at …". ``run`` may raise: a `CommandError` says what it could not
    see, anything else is an error of the check.
    """

    name: str
    looks_at: str
    run: Callable[[Scene], Iterable[Outcome]]


@dataclass(frozen=True)
class Examination:
    """What one check reported. ``failure`` is set if it ended with an error of its own."""

    check: str
    findings: Sequence[Finding] = ()
    healthy: Sequence[str] = ()
    unseen: Sequence[str] = ()
    failure: str | None = None


def examine(checks: Iterable[Check[Scene]], scene: Scene) -> Sequence[Examination]:
    """Run all checks."""
    return [_run(check, scene) for check in checks]


def _run(check: Check[Scene], scene: Scene) -> Examination:
    outcomes: list[Outcome] = []
    failure = None
    try:
        # One by one: what was found before an error counts.
        for outcome in check.run(scene):
            outcomes.append(outcome)
    except CommandError as error:
        outcomes.append(Unseen(str(error)))
    except Exception as error:
        failure = describe_error(error)
    return Examination(
        check.name,
        findings=[each for each in outcomes if isinstance(each, Finding)],
        healthy=[each.text for each in outcomes if isinstance(each, Healthy)],
        unseen=list(dict.fromkeys(each.reason for each in outcomes if isinstance(each, Unseen))),
        failure=failure,
    )
