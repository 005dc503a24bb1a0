"""What a cart does, one operation after the other: the rules of the cart service.

A checkout reads the cart at one moment and takes the ordered lines out of it at a later one. Only
the order that read the cart last can take from it.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from loadtest.history import Operation

MAX_LINES = 100
MAX_QUANTITY = 99


@dataclass(frozen=True, slots=True)
class CartCall:
    """A call on the cart of ``owner``; ``output`` is what is known of the cart after it.

    Besides the calls of a history there are `order` (a checkout reads the lines of order
    ``input["id"]``) and `take` (it takes them out). ``source`` is None for a call of the books.
    """

    owner: str
    call: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    source: Operation | None = None

    @property
    def is_replay(self) -> bool:
        """The response says that an earlier try had the effect."""
        return bool(self.output.get("replayed"))


class CartState(NamedTuple):
    """``keys`` are the idempotency keys of its adds, ``ordered`` is the order that may take."""

    version: int = 0
    lines: tuple[tuple[str, int], ...] = ()
    keys: frozenset[str] = frozenset()
    ordered: str | None = None


Carts = tuple[CartState, ...]


class CartModel:
    """Carts that are merged into one another are one object. Only ``repeated_keys`` are kept."""

    def __init__(self, owners: list[str], *, repeated_keys: frozenset[str] = frozenset()) -> None:
        self._position = {owner: position for position, owner in enumerate(owners)}
        self._repeated_keys = repeated_keys

    @property
    def initial(self) -> Carts:
        return tuple(CartState() for _ in self._position)

    def step(self, state: Carts, call: CartCall) -> Carts | None:
        after = self._merge(state, call) if call.call == "merge" else self._change(state, call)
        if after is None or not _agrees(after[self._position[call.owner]], call.output):
            return None
        return after

    def can_precede(self, state: Carts, call: CartCall) -> bool:
        """Versions only grow."""
        version = call.output.get("version")
        return version is None or state[self._position[call.owner]].version <= version

    def is_read(self, call: CartCall) -> bool:
        return call.call == "read"

    def effect(self, call: CartCall) -> Hashable | None:
        if call.output or call.call in ("order", "take"):
            return None
        is_own = call.input.get("key") not in self._repeated_keys
        input = {name: each for name, each in call.input.items() if not (is_own and name == "key")}
        return (call.owner, call.call, *sorted(input.items()))

    def _change(self, state: Carts, call: CartCall) -> Carts | None:
        position = self._position[call.owner]
        after = self._changed(state[position], call)
        if after is None:
            return None
        return (*state[:position], after, *state[position + 1 :])

    def _changed(self, cart: CartState, call: CartCall) -> CartState | None:
        match call.call:
            case "read":
                return cart
            case "add":
                return self._added(cart, call)
            case "set":
                lines = dict(cart.lines) | {call.input["sku"]: call.input["quantity"]}
                return _within_limits(cart, lines)
            case "remove":
                return _next_version(
                    cart, {sku: n for sku, n in cart.lines if sku != call.input["sku"]}
                )
            case "clear":
                return _next_version(cart, {})
            case "order":
                is_same = dict(cart.lines) == call.input["lines"]
                return cart._replace(ordered=call.input["id"]) if is_same else None
            case "take":
                return _taken(cart, call)
        raise ValueError(f"a cart has no call {call.call!r}")

    def _added(self, cart: CartState, call: CartCall) -> CartState | None:
        key = call.input.get("key")
        if key is not None and key in cart.keys:
            return cart
        if call.is_replay:
            return None
        sku, quantity = call.input["sku"], call.input["quantity"]
        lines = dict(cart.lines)
        lines[sku] = lines.get(sku, 0) + quantity
        after = _within_limits(cart, lines)
        if after is None or key not in self._repeated_keys:
            return after
        return after._replace(keys=cart.keys | {key})

    def _merge(self, state: Carts, call: CartCall) -> Carts:
        position, guest_position = self._position[call.owner], self._position[call.input["from"]]
        carts = list(state)
        lines = dict(carts[position].lines)
        for sku, quantity in carts[guest_position].lines:
            if sku in lines or len(lines) < MAX_LINES:
                lines[sku] = min(lines.get(sku, 0) + quantity, MAX_QUANTITY)
        carts[position] = _next_version(carts[position], lines)
        carts[guest_position] = _next_version(carts[guest_position], {})
        return tuple(carts)


def _taken(cart: CartState, call: CartCall) -> CartState | None:
    if cart.ordered != call.input["id"]:
        return None
    ordered = call.input["lines"]
    left = {sku: quantity - ordered.get(sku, 0) for sku, quantity in cart.lines}
    after = _next_version(cart, {sku: quantity for sku, quantity in left.items() if quantity > 0})
    return after._replace(ordered=None)


def _within_limits(cart: CartState, lines: Mapping[str, int]) -> CartState | None:
    if len(lines) > MAX_LINES or max(lines.values()) > MAX_QUANTITY:
        return None
    return _next_version(cart, lines)


def _next_version(cart: CartState, lines: Mapping[str, int]) -> CartState:
    """A change without effect does not count."""
    in_order = tuple(sorted(lines.items()))
    if in_order == cart.lines:
        return cart
    return cart._replace(version=cart.version + 1, lines=in_order)


def _agrees(cart: CartState, output: Mapping[str, Any]) -> bool:
    if output.get("version", cart.version) != cart.version:
        return False
    lines = output.get("lines")
    return lines is None or dict(cart.lines) == lines
