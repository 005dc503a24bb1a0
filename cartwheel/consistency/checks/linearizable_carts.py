"""`linearizable-carts`: every cart behaves like one that serves one operation at a time.

The carts of an owner and of the guests that were merged into it are checked together. A checkout
is part of the cart's history: see `cart_model`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from cartwheel.consistency.cart_model import CartCall, CartModel
from cartwheel.consistency.checks.search_findings import record_result
from cartwheel.consistency.indexed_history import Happened, IndexedHistory, KnownOrder, id_of
from cartwheel.consistency.linearizability import Limits, NotLinearizable, TimedCall, linearize
from cartwheel.consistency.report import CheckResult
from loadtest.history import Operation, Outcome

NAME = "linearizable-carts"
IDEMPOTENT_CALLS = ("set", "remove", "clear")


def check_carts(history: IndexedHistory, limits: Limits) -> CheckResult:
    result = CheckResult(NAME)
    for names, operations in history.cart_groups:
        owners = [id_of(name) for name in names]
        calls = [
            *_calls_of_clients(operations, end=history.end),
            *_calls_of_checkouts(history, owners),
            *_calls_of_books(history, owners),
        ]
        model = CartModel(owners, repeated_keys=_repeated_keys(operations))
        found = linearize(model, calls, limits)
        if isinstance(found, NotLinearizable):
            # Seldom needed, and each makes the search longer.
            retries = _retries_inside_the_shop(operations, end=history.end)
            found = linearize(model, [*calls, *retries], limits)
        record_result(result, " and ".join(names), found)
    return result


def _calls_of_clients(
    operations: Iterable[Operation], *, end: float
) -> Iterable[TimedCall[CartCall]]:
    for operation in operations:
        is_known = operation.outcome is Outcome.OK
        if operation.outcome is Outcome.REFUSED or (operation.call == "read" and not is_known):
            continue
        call = CartCall(
            id_of(operation.object),
            operation.call,
            operation.input,
            operation.output if is_known else {},
            operation,
        )
        returned_at = operation.returned_at if is_known else end
        yield TimedCall(call, operation.called_at, returned_at, optional=not is_known)
        if call.is_replay:
            # The effect came from an earlier operation, or from an earlier try of this one.
            first_try = replace(call, output={})
            yield TimedCall(first_try, operation.called_at, operation.returned_at, optional=True)


def _retries_inside_the_shop(
    operations: Iterable[Operation], *, end: float
) -> Iterable[TimedCall[CartCall]]:
    """PUT and DELETE are idempotent, so callers inside the shop retry them.

    Such a call may take effect once more before it returns; if its outcome is unknown, at any time
    after. With the change of another client between the two, the version tells.
    """
    for operation in operations:
        if operation.outcome is not Outcome.REFUSED and operation.call in IDEMPOTENT_CALLS:
            owner = id_of(operation.object)
            call = CartCall(owner, operation.call, operation.input, {}, operation)
            returned_at = operation.returned_at if operation.outcome is Outcome.OK else end
            yield TimedCall(call, operation.called_at, returned_at, optional=True)


def _calls_of_checkouts(
    history: IndexedHistory, owners: Iterable[str]
) -> Iterable[TimedCall[CartCall]]:
    for owner in owners:
        for order in history.orders_by_owner.get(owner, ()):
            yield from _calls_of_checkout(order, end=history.end)


def _calls_of_checkout(order: KnownOrder, *, end: float) -> Iterable[TimedCall[CartCall]]:
    """The order reads the cart, and later takes its lines. If it takes none, neither counts."""
    if order.confirmed is Happened.NO or not order.quantities:
        return
    optional = order.confirmed is not Happened.YES
    input = {"id": order.object, "lines": dict(order.quantities)}
    yield TimedCall(
        CartCall(order.owner, "order", input, {}, order.places[0]),
        order.called_at,
        order.acknowledged_by(end=end),
        optional=optional,
    )
    yield TimedCall(
        CartCall(order.owner, "take", input, {}, order.places[0]),
        order.called_at,
        order.confirmed_by(end=end),
        optional=optional,
    )


def _calls_of_books(
    history: IndexedHistory, owners: Iterable[str]
) -> Iterable[TimedCall[CartCall]]:
    """The books are a last read of every cart."""
    at = history.end + 1.0
    for owner in owners:
        cart = history.books.carts.get(owner)
        if cart is not None:
            output = {"version": cart.version, "lines": dict(cart.lines)}
            yield TimedCall(CartCall(owner, "read", {}, output), at, at)


def _repeated_keys(operations: Iterable[Operation]) -> frozenset[str]:
    """Those of adds that were sent more than once: by the client, or inside the shop."""
    adds = [each for each in operations if each.input.get("key") is not None]
    keys = Counter(each.input["key"] for each in adds)
    keys.update(each.input["key"] for each in adds if each.output.get("replayed"))
    return frozenset(key for key, count in keys.items() if count > 1)
