"""Is there an order of concurrent calls in which a sequential model gives the same results?

The search is that of Wing and Gong, "Testing and Verifying Concurrent Objects" (Journal of Parallel
and Distributed Computing 17, 1993), with the memory of Lowe, "Testing for Linearizability"
(Concurrency and Computation: Practice and Experience 29(4), 2017): the same calls that led to the
same state are not continued twice. Porcupine and Knossos work in this way, too.

Each call takes effect at one moment between its start and its return. One whose outcome is
unknown is optional: it takes effect in that time, or never.
"""

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Generic, Protocol, TypeVar

MAX_CONFIGURATIONS = 200_000
"""Different pairs of a state and the calls that led to it, for one object."""
MAX_SECONDS = 10.0
"""Of this thread's CPU time, for one object."""

State = TypeVar("State", bound=Hashable)
Call = TypeVar("Call", contravariant=True)
AnyCall = TypeVar("AnyCall")


class Model(Protocol[State, Call]):
    """An object that serves one call at a time."""

    @property
    def initial(self) -> State: ...

    def step(self, state: State, call: Call) -> State | None:
        """The state after the call; None if the call cannot have had its result in ``state``."""

    def can_precede(self, state: State, call: Call) -> bool:
        """False only if the call is impossible in ``state`` and in all states after it."""

    def is_read(self, call: Call) -> bool:
        """Whether the call never changes the state."""

    def effect(self, call: Call) -> Hashable | None:
        """Equal for calls that do the same in every state; None if there is no other such call."""


@dataclass(frozen=True, slots=True)
class TimedCall(Generic[AnyCall]):
    call: AnyCall
    called_at: float
    returned_at: float
    optional: bool = False


@dataclass(frozen=True)
class Limits:
    """A search that exceeds one of them is given up."""

    configurations: int = MAX_CONFIGURATIONS
    seconds: float = MAX_SECONDS


@dataclass(frozen=True)
class Linearizable:
    """There is such an order."""


@dataclass(frozen=True)
class NotLinearizable(Generic[AnyCall]):
    """There is no such order, not even of the calls until ``stuck`` returned.

    ``prefix`` has the calls that started before, ``stuck`` included. Until any earlier return
    there is an order: no shorter prefix shows the violation.
    """

    stuck: TimedCall[AnyCall]
    prefix: Sequence[TimedCall[AnyCall]]


@dataclass(frozen=True)
class Undecided:
    """The search was given up."""

    reason: str


SearchResult = Linearizable | NotLinearizable[AnyCall] | Undecided


def linearize(
    model: Model[State, AnyCall], calls: Sequence[TimedCall[AnyCall]], limits: Limits | None = None
) -> SearchResult[AnyCall]:
    """Search for an order of these calls that the model accepts."""
    return _Search(model, calls, limits or Limits()).run()


@dataclass(frozen=True, slots=True)
class _Configuration(Generic[State]):
    """How far a search has come.

    ``done`` has a bit for each required call from number ``first`` on, which is the first that is
    not done. ``chosen`` has a bit for each optional call that took effect.
    """

    state: State
    first: int = 0
    done: int = 0
    chosen: int = 0
    latest_start: float = -inf
    """The latest start of the calls that took effect: the next one cannot have returned before."""


class _Search(Generic[State, AnyCall]):
    """Depth first, in the order of the calls' starts: most calls took effect in that order."""

    def __init__(
        self,
        model: Model[State, AnyCall],
        calls: Sequence[TimedCall[AnyCall]],
        limits: Limits,
    ) -> None:
        in_order = sorted(calls, key=lambda timed: timed.called_at)
        self._model = model
        self._required = [timed for timed in in_order if not timed.optional]
        self._optional = [timed for timed in in_order if timed.optional]
        self._effects = {id(timed): self._effect(timed) for timed in in_order}
        self._limits = limits
        self._seen: set[tuple[int, int, int, State]] = set()
        self._stuck: TimedCall[AnyCall] | None = None

    def run(self) -> SearchResult[AnyCall]:
        gives_up_at = time.thread_time() + self._limits.seconds
        path = [self._continuations(_Configuration(self._model.initial))]
        while path:
            configuration = next(path[-1], None)
            if configuration is None:
                path.pop()
                continue
            if configuration.first == len(self._required):
                return Linearizable()
            if len(self._seen) > self._limits.configurations:
                return Undecided(f"it has more than {self._limits.configurations} configurations")
            if time.thread_time() > gives_up_at:
                return Undecided(f"it takes longer than {self._limits.seconds:g} s")
            path.append(self._continuations(configuration))
        return self._failure()

    def _failure(self) -> SearchResult[AnyCall]:
        stuck = self._stuck
        if stuck is None:  # There was no required call.
            return Linearizable()
        every = chain(self._required, self._optional)
        prefix = [timed for timed in every if timed.called_at <= stuck.returned_at]
        return NotLinearizable(stuck, sorted(prefix, key=lambda timed: timed.called_at))

    def _continuations(
        self, configuration: _Configuration[State]
    ) -> Iterator[_Configuration[State]]:
        """The configurations one call later that were not seen yet."""
        open_calls = self._open_calls(configuration)
        if not open_calls:
            return
        next_return = min((self._required[number] for number in open_calls), key=_returned_at)
        if self._stuck is None or next_return.returned_at > self._stuck.returned_at:
            self._stuck = next_return
        if not self._model.can_precede(configuration.state, next_return.call):
            return
        for after in self._steps(configuration, open_calls, latest=next_return.returned_at):
            key = (after.first, after.done, after.chosen, after.state)
            if key not in self._seen:
                self._seen.add(key)
                yield after

    def _open_calls(self, configuration: _Configuration[State]) -> list[int]:
        """The required calls that may be next: no other that is not done returned before."""
        numbers = []
        earliest_return = inf
        done = configuration.done
        for number in range(configuration.first, len(self._required)):
            timed = self._required[number]
            if timed.called_at > earliest_return:
                break
            if not done & 1:
                numbers.append(number)
                earliest_return = min(earliest_return, timed.returned_at)
            done >>= 1
        return numbers

    def _steps(
        self, before: _Configuration[State], open_calls: Sequence[int], *, latest: float
    ) -> Iterator[_Configuration[State]]:
        required = _first_to_return(self._required, open_calls, self._effects)
        choices = self._open_choices(before, latest=latest)
        choice_ends = min((self._optional[number].returned_at for number in choices), default=inf)
        steps = []
        for number in required.values():
            timed = self._required[number]
            state = self._model.step(before.state, timed.call)
            if state is None:
                continue
            first, done = _with_done(before.first, before.done, number)
            latest_start = max(before.latest_start, timed.called_at)
            after = _Configuration(state, first, done, before.chosen, latest_start)
            if self._model.is_read(timed.call) and timed.called_at <= choice_ends:
                # What fits before it fits after it, too: nothing else is to be tried here.
                yield after
                return
            steps.append(after)
        yield from steps
        for effect, number in _first_to_return(self._optional, choices, self._effects).items():
            timed = self._optional[number]
            if effect in required and _ends_first(self._required[required[effect]], timed):
                continue
            state = self._model.step(before.state, timed.call)
            if state is not None and state != before.state:
                latest_start = max(before.latest_start, timed.called_at)
                chosen = before.chosen | 1 << number
                yield _Configuration(state, before.first, before.done, chosen, latest_start)

    def _open_choices(self, before: _Configuration[State], *, latest: float) -> list[int]:
        """The optional calls that may be next."""
        numbers = []
        for number, timed in enumerate(self._optional):
            if timed.called_at > latest:
                break
            if not before.chosen >> number & 1 and timed.returned_at >= before.latest_start:
                numbers.append(number)
        return numbers

    def _effect(self, timed: TimedCall[AnyCall]) -> Hashable:
        effect = self._model.effect(timed.call)
        return id(timed) if effect is None else (effect,)


def _first_to_return(
    calls: Sequence[TimedCall[AnyCall]], numbers: Iterable[int], effects: Mapping[int, Hashable]
) -> dict[Hashable, int]:
    """Of the calls with the same effect, the one that returns first.

    If there is an order with another one of them at this place, the two can change places.
    """
    first: dict[Hashable, int] = {}
    for number in sorted(numbers, key=lambda number: calls[number].returned_at):
        first.setdefault(effects[id(calls[number])], number)
    return first


def _ends_first(required: TimedCall[AnyCall], optional: TimedCall[AnyCall]) -> bool:
    return required.returned_at <= optional.returned_at


def _with_done(first: int, done: int, number: int) -> tuple[int, int]:
    done |= 1 << (number - first)
    while done & 1:
        done >>= 1
        first += 1
    return first, done


def _returned_at(timed: TimedCall[AnyCall]) -> float:
    return timed.returned_at
