"""Linearizability by its definition: every order of every choice of calls is tried."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import chain, combinations, permutations
from typing import TypeVar

from cartwheel.consistency.linearizability import Model, TimedCall

State = TypeVar("State", bound=Hashable)
Call = TypeVar("Call")


def is_linearizable(model: Model[State, Call], calls: Sequence[TimedCall[Call]]) -> bool:
    required = [timed for timed in calls if not timed.optional]
    return any(
        _respects_time(order) and _is_accepted(model, order)
        for chosen in _subsets([timed for timed in calls if timed.optional])
        for order in permutations([*required, *chosen])
    )


def until(calls: Sequence[TimedCall[Call]], moment: float) -> list[TimedCall[Call]]:
    """The calls as they were known at a moment: what had not returned may have had its effect."""
    return [
        TimedCall(
            timed.call,
            timed.called_at,
            timed.returned_at,
            optional=timed.optional or timed.returned_at > moment,
        )
        for timed in calls
        if timed.called_at <= moment
    ]


def _subsets(calls: Sequence[TimedCall[Call]]) -> Iterator[Sequence[TimedCall[Call]]]:
    return chain.from_iterable(combinations(calls, size) for size in range(len(calls) + 1))


def _respects_time(order: Sequence[TimedCall[Call]]) -> bool:
    return not any(
        later.returned_at < earlier.called_at for earlier, later in combinations(order, 2)
    )


def _is_accepted(model: Model[State, Call], order: Sequence[TimedCall[Call]]) -> bool:
    state: State | None = model.initial
    for timed in order:
        if state is None:
            return False
        state = model.step(state, timed.call)
    return state is not None
