"""A mark on the time axis: something happened at that moment."""

from dataclasses import dataclass
from typing import Literal

MarkKind = Literal["decision", "autoscaler", "load", "fault"]

LOAD_ENDS = "load ends"
BEGINS, GOES_ON, HAS_ENDED = " begins", " goes on", " has ended"
"""After the name of a fault. One that the console begins is marked with its name only."""


@dataclass(frozen=True)
class Mark:
    """``title`` is short, as ``2 → 7``; ``detail`` is a sentence.

    Kinds: a ``decision`` that changes the count, a change of the ``autoscaler`` itself (its
    settings, a pause), of the ``load``, the beginning or end of a ``fault``.
    """

    at: float
    kind: MarkKind
    title: str
    detail: str = ""
