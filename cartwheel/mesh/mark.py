"""A mark on the time axis: something happened at that moment."""

from dataclasses import dataclass
from typing import Literal

MarkKind = Literal["decision", "autoscaler", "load", "fault"]


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
