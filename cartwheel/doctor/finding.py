"""What a check reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A problem shows now. A risk shows later: with the next deployment, outage or load."""

    PROBLEM = "problem"
    RISK = "risk"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong.

    ``about`` names the object, ``evidence`` is how the check knows, ``command`` mends it or, where
    a person has to decide, shows what to decide on. ``follows_from`` names what would explain this
    finding: a check (`metrics-server`), or a check and an object (`requests deployment/cart`).
    """

    about: str
    problem: str
    evidence: str
    command: str
    severity: Severity = Severity.PROBLEM
    follows_from: Sequence[str] = ()


@dataclass(frozen=True)
class Healthy:
    """Something that was looked at and is right."""

    text: str


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at."""

    reason: str


Outcome = Finding | Healthy | Unseen
