"""What a console that was killed has left without an end: its load, and faults."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from cartwheel.console.history.store import FRAMES, StoredFrame
from cartwheel.mesh import Frame, Mark
from cartwheel.mesh.mark import BEGINS, GOES_ON, HAS_ENDED, LOAD_ENDS

LOAD_WITH_CONSOLE = "It ended with the console."
FAULT_SEEN_LAST = "It was seen last then: the console did not see its end."


@dataclass(frozen=True)
class LeftOpen:
    """What went on when the history was written last, and when that was."""

    at: float
    has_load: bool = False
    faults: frozenset[str] = frozenset()

    def ends(self, now: Frame) -> Iterator[Mark]:
        """The marks that are missing of what a new frame does not show any more."""
        if self.has_load and now.load is None:
            yield Mark(self.at, "load", LOAD_ENDS, LOAD_WITH_CONSOLE)
        for name in sorted(self.faults - {one.name for one in now.faults}):
            yield Mark(self.at, "fault", f"{name}{HAS_ENDED}", FAULT_SEEN_LAST)


def left_open(last: StoredFrame, later: Sequence[Mark]) -> LeftOpen:
    """As the last frame shows it, and the marks that are later."""
    frame = _frame(last)
    has_load = frame.load is not None
    faults = {one.name for one in frame.faults}
    for mark in sorted(later, key=lambda one: one.at):
        if mark.kind == "load":
            has_load = mark.title != LOAD_ENDS
        elif mark.kind == "fault":
            if mark.title.endswith(HAS_ENDED):
                faults.discard(mark.title.removesuffix(HAS_ENDED))
            else:
                faults.add(mark.title.removesuffix(BEGINS).removesuffix(GOES_ON))
    at = max([last.at, *(one.at for one in later)])
    return LeftOpen(at, has_load, frozenset(faults))


def _frame(stored: StoredFrame) -> Frame:
    """Of one that another version has written, nothing is known."""
    try:
        return FRAMES.validate_json(stored.json)
    except ValidationError:
        return Frame(stored.at)
