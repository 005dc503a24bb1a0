"""What the stock of one product does, one operation after the other: the rules of reservations."""

from dataclasses import dataclass
from typing import NamedTuple

from loadtest.history import Operation


@dataclass(frozen=True, slots=True)
class StockCall:
    """A call on the stock of one product.

    `read` (``amount`` is the response), `restock` (``amount`` is the new stock), `hold` (an order
    reserves ``amount``) and `give_back` (its reservation is released, or never made). ``source`` is
    None for a call of the books.
    """

    call: str
    amount: int = 0
    order: str = ""
    source: Operation | None = None


class StockState(NamedTuple):
    """``held`` are the orders that may give back, ``closed`` those that can hold nothing more."""

    available: int
    held: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()


class StockModel:
    """``cancellable`` are the orders that may give back what they hold."""

    def __init__(self, available: int, *, cancellable: frozenset[str] = frozenset()) -> None:
        self._available = available
        self._cancellable = cancellable

    @property
    def initial(self) -> StockState:
        return StockState(self._available)

    def step(self, state: StockState, call: StockCall) -> StockState | None:
        match call.call:
            case "read":
                return state if state.available == call.amount else None
            case "restock":
                return state._replace(available=call.amount)
            case "hold":
                return self._hold(state, call)
            case "give_back":
                return _give_back(state, call)
        raise ValueError(f"stock has no call {call.call!r}")

    def can_precede(self, state: StockState, call: StockCall) -> bool:
        return True

    def _hold(self, state: StockState, call: StockCall) -> StockState | None:
        if state.available < call.amount or call.order in state.closed:
            return None
        held = state.held | {call.order} if call.order in self._cancellable else state.held
        return state._replace(available=state.available - call.amount, held=held)


def _give_back(state: StockState, call: StockCall) -> StockState:
    if call.order not in state.held:
        return state._replace(closed=state.closed | {call.order})
    return StockState(
        available=state.available + call.amount,
        held=state.held - {call.order},
        closed=state.closed,
    )
