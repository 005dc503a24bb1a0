"""Faults that other processes have begun, from the status of the shop."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from cartwheel.chaos.catalogue import faults
from cartwheel.console.faults.breakage import SESSION
from cartwheel.mesh import FaultState, Mark
from cartwheel.mesh.mark import BEGINS, GOES_ON, HAS_ENDED

Effects = Sequence[Mapping[str, Any]]
"""`faults` of the status: each has a session, a target, a sentence and an age."""

MAX_NEW = 6.0
"""Seconds, a little more than between two frames. An older fault has begun before this console."""


class FaultsElsewhere:
    """Remembers whose faults go on, and marks when they begin and end."""

    def __init__(self, *, mark: Callable[[Mark], None]) -> None:
        self._mark = mark
        self._last: Mapping[str, FaultState] = {}

    def states(self, effects: Effects) -> Sequence[FaultState]:
        """One for each session but the console's own."""
        found = {state.by: state for state in _states_of(effects)}
        for by in found.keys() - self._last.keys():
            is_new = found[by].seconds < MAX_NEW
            self._mark_change(found[by], BEGINS if is_new else GOES_ON)
        for by in self._last.keys() - found.keys():
            self._mark_change(self._last[by], HAS_ENDED)
        self._last = found
        return list(found.values())

    def _mark_change(self, state: FaultState, what: str) -> None:
        detail = f"{state.title}{what} ({state.by})."
        self._mark(Mark(time.time(), "fault", f"{state.name}{what}", detail))


def _states_of(effects: Effects) -> Iterator[FaultState]:
    others = [one for one in effects if not one["session"].startswith(SESSION)]
    for session, group in groupby(others, key=lambda one: str(one["session"])):
        one_session = list(group)
        # As in `cartwheel chaos run cart-hung`.
        fault = faults().get(session.rpartition(" ")[2])
        yield FaultState(
            fault.id if fault else "",
            fault.title if fault else "; ".join(one["sentence"] for one in one_session),
            targets=list(dict.fromkeys(one["target"] for one in one_session)),
            seconds=max(one["age"] for one in one_session),
            by=session,
        )
