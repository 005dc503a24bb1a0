"""What the stock of one product does, one operation after the other: the rules of reservations."""

from bisect import insort
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from loadtest.history import Operation


@dataclass(frozen=True, slots=True)
class StockCall:
    """A call on the stock of one product; ``source`` is None for a call of the books.

    ==========  ==========================================================
    read        ``amount`` is what was there
    close       the same, and everything that was held was given back
    restock     ``amount`` is the new stock
    sell        an order takes ``amount`` for good
    hold        an order takes ``amount`` and will give it back
    give_back   an order gives back the ``amount`` that it held
    ==========  ==========================================================
    """

    call: str
    amount: int
    source: Operation | None = None


class StockState(NamedTuple):
    """``held`` has the amounts that are to be given back, in the order of their size.

    Which order holds which does not matter: orders of the same amount are alike.
    """

    available: int
    held: tuple[int, ...] = ()


class StockModel:
    """A stock that begins with ``available`` pieces."""

    def __init__(self, available: int) -> None:
        self._available = available

    @property
    def initial(self) -> StockState:
        return StockState(self._available)

    def step(self, state: StockState, call: StockCall) -> StockState | None:
        match call.call:
            case "read":
                return state if state.available == call.amount else None
            case "close":
                return state if state == StockState(call.amount) else None
            case "restock":
                return state._replace(available=call.amount)
            case "sell":
                return _take(state, call.amount)
            case "hold":
                return _held(_take(state, call.amount), call.amount)
            case "give_back":
                return _given_back(state, call.amount)
        raise ValueError(f"stock has no call {call.call!r}")

    def can_precede(self, state: StockState, call: StockCall) -> bool:
        return True

    def is_read(self, call: StockCall) -> bool:
        return call.call in ("read", "close")

    def effect(self, call: StockCall) -> Hashable | None:
        return call.call, call.amount


def _take(state: StockState, amount: int) -> StockState | None:
    left = state.available - amount
    return None if left < 0 else state._replace(available=left)


def _held(state: StockState | None, amount: int) -> StockState | None:
    if state is None:
        return None
    held = list(state.held)
    insort(held, amount)
    return state._replace(held=tuple(held))


def _given_back(state: StockState, amount: int) -> StockState | None:
    if amount not in state.held:
        return None
    held = list(state.held)
    held.remove(amount)
    return StockState(state.available + amount, tuple(held))
