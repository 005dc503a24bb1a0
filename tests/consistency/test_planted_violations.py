"""Each way to damage a correct history is found by the checks that are for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from cartwheel.consistency import BookedCart, BookedOrder, Books, Payment, Report, StockLevel, check
from loadtest.history import Operation, Outcome
from tests.consistency.simulated_shop import soak

History = list[Operation]
Planted = tuple[Sequence[Operation], Books]
MAX_SEEDS = 40


@dataclass(frozen=True)
class Damage:
    """Changes a history and its books; None if they have no place for it."""

    plant: Callable[[History, Books], Planted | None]
    found_by: str


def lost_add(history: History, books: Books) -> Planted | None:
    """An acknowledged add has left no trace in the books."""
    for owner, cart in books.carts.items():
        adds = [each for each in history if _is(each, f"cart/{owner}", "add")]
        if adds and cart.lines.get(adds[-1].input["sku"], 0) > adds[-1].input["quantity"]:
            return history, _with_pieces(books, owner, adds[-1], factor=-1)
    return None


def doubled_add(history: History, books: Books) -> Planted | None:
    """An add has had its effect twice."""
    for owner in books.carts:
        adds = [each for each in history if _is(each, f"cart/{owner}", "add")]
        unclear = [each for each in history if each.outcome is Outcome.UNKNOWN]
        if adds and all(each.object != f"cart/{owner}" for each in unclear):
            return history, _with_pieces(books, owner, adds[-1], factor=1)
    return None


def stale_read(history: History, books: Books) -> Planted | None:
    """A read shows a cart as it was before an acknowledged change."""
    for before, after in _reads_around_a_change(history):
        return _replaced(history, after, output=before.output), books
    return None


def lost_read(history: History, books: Books) -> Planted | None:
    """A read shows the right version with lines that it never had."""
    for operation in history:
        if operation.call == "read" and operation.output.get("version", 0) > 0:
            output = operation.output | {"lines": {"MUG": 98}}
            return _replaced(history, operation, output=output), books
    return None


def version_going_back(history: History, books: Books) -> Planted | None:
    for before, after in _reads_around_a_change(history):
        output = after.output | {"version": before.output["version"] - 1}
        return _replaced(history, after, output=output), books
    return None


def order_going_back(history: History, books: Books) -> Planted | None:
    """An order that was confirmed is pending again."""
    for place in history:
        if place.output.get("status") == "confirmed" and place.call == "place":
            late = replace(place, call="read", input={}, called_at=90.0, returned_at=91.0)
            return [*history, replace(late, output=place.output | {"status": "pending"})], books
    return None


def forgotten_order(history: History, books: Books) -> Planted | None:
    """An order cannot be read after it was acknowledged."""
    for place in history:
        if place.call == "place" and place.outcome is Outcome.OK:
            late = replace(place, call="read", input={}, called_at=90.0, returned_at=91.0)
            missing = replace(late, outcome=Outcome.REFUSED, output={"problem": "not-found"})
            return [*history, missing], books
    return None


def lost_order(history: History, books: Books) -> Planted | None:
    """An acknowledged order is not in the books."""
    acknowledged = {each.output.get("id") for each in history if each.call == "place"}
    kept = [order for order in books.orders or () if order.id not in acknowledged]
    return (history, replace(books, orders=kept)) if kept != list(books.orders or ()) else None


def cancelled_by_the_shop(history: History, books: Books) -> Planted | None:
    """An order that was shown as confirmed is cancelled by the shop itself."""
    for order in books.orders or ():
        seen = [each for each in history if _shows(each, order, "confirmed")]
        if seen and order.status == "confirmed":
            return history, _with_order(books, order, status="cancelled", reason="gave-up")
    return None


def cancelled_in_vain(history: History, books: Books) -> Planted | None:
    """A cancel was acknowledged, and the order is confirmed."""
    for order in books.orders or ():
        if any(_shows(each, order, "cancelled") for each in history):
            return history, _with_order(books, order, status="confirmed", reason=None)
    return None


def confirmed_after_its_refusal(history: History, books: Books) -> Planted | None:
    """The checkout of a confirmed order was refused."""
    for order in books.orders or ():
        (place, *others) = _operations_of(order, history)
        if order.status == "confirmed" and not others:
            output = {"problem": "quote-changed"}
            return _replaced(history, place, outcome=Outcome.REFUSED, output=output), books
    return None


def undone_and_confirmed(history: History, books: Books) -> Planted | None:
    for place in history:
        if place.output.get("problem") == "checkout-failed":
            (order,) = (each for each in books.orders or () if place.object.endswith(each.key))
            return history, _with_order(books, order, status="confirmed", reason=None)
    return None


def cancelled_after_its_refusal(history: History, books: Books) -> Planted | None:
    """A cancel came too late, and the order is cancelled by its shopper."""
    for order in books.orders or ():
        cancels = [each for each in _operations_of(order, history) if each.call == "cancel"]
        if len(cancels) == 1 and order.reason == "shopper":
            output = {"problem": "already-shipped"}
            changes = {"outcome": Outcome.REFUSED, "output": output}
            return _replaced(history, cancels[0], **changes), books
    return None


def other_lines(history: History, books: Books) -> Planted | None:
    """A response shows other lines than those that were ordered."""
    for operation in history:
        if operation.object.startswith("order/") and "lines" in operation.output:
            output = operation.output | {"lines": {"MUG": 98}}
            return _replaced(history, operation, output=output), books
    return None


def lost_from_before(history: History, books: Books) -> Planted | None:
    return history, replace(books, lost=["order/ord-before"])


def second_order_for_a_key(history: History, books: Books) -> Planted | None:
    orders = list(books.orders or ())
    return history, replace(books, orders=[*orders, replace(orders[0], id="ord-x")])


def oversold(history: History, books: Books) -> Planted | None:
    """A confirmed order has more pieces than there were."""
    level = books.stock["BELL"]
    sold = sum(
        order.lines["BELL"].quantity
        for order in books.orders or ()
        if order.status == "confirmed" and "BELL" in order.lines
    )
    too_few = StockLevel(sold - 1, level.end)
    return history, replace(books, stock={**books.stock, "BELL": too_few})


def lost_stock(history: History, books: Books) -> Planted | None:
    level = books.stock["BELL"]
    return history, replace(
        books, stock={**books.stock, "BELL": StockLevel(level.start, level.end - 1)}
    )


def impossible_stock(history: History, books: Books) -> Planted | None:
    """A read of the stock shows a number that it never had."""
    for operation in history:
        if operation.object == "stock/BELL" and operation.call == "read":
            return _replaced(history, operation, output={"available": 399.5}), books
    return None


def wrong_total(history: History, books: Books) -> Planted | None:
    first, *others = books.orders or ()
    return history, replace(books, orders=[replace(first, total=first.total + 1), *others])


def paid_twice(history: History, books: Books) -> Planted | None:
    kept = [each for each in books.payments or () if each.status == "charged"]
    return (history, replace(books, payments=[*(books.payments or ()), kept[0]])) if kept else None


def paid_for_nothing(history: History, books: Books) -> Planted | None:
    payments = [*(books.payments or ()), Payment("ord-unknown", 100, "charged")]
    return history, replace(books, payments=payments)


def never_paid(history: History, books: Books) -> Planted | None:
    is_due = any(order.status == "confirmed" for order in books.orders or ())
    return (history, replace(books, payments=[])) if is_due else None


def cart_that_kept_its_order(history: History, books: Books) -> Planted | None:
    """The lines of a confirmed order are still in the cart at the end."""
    for place in history:
        if place.output.get("status") == "confirmed" and place.call == "place":
            owner = place.object.split("/")[1]
            cart = books.carts[owner]
            both = {
                sku: cart.lines.get(sku, 0) + place.input["lines"].get(sku, 0)
                for sku in cart.lines | place.input["lines"]
            }
            kept = BookedCart(cart.version, both)
            return history, replace(books, carts={**books.carts, owner: kept})
    return None


def use_after_logout(history: History, books: Books) -> Planted | None:
    for logout in history:
        if logout.call == "logout" and logout.outcome is Outcome.OK:
            late = replace(logout, call="use", called_at=90.0, returned_at=91.0)
            return [*history, late], books
    return None


def token_exchanged_twice(history: History, books: Books) -> Planted | None:
    for refresh in history:
        if refresh.call == "refresh" and refresh.outcome is Outcome.OK:
            again = replace(refresh, output={"token": "another"})
            return [*history, again], books
    return None


def lost_account(history: History, books: Books) -> Planted | None:
    for login in history:
        if login.call == "login" and login.outcome is Outcome.OK:
            late = replace(login, called_at=90.0, returned_at=91.0, outcome=Outcome.REFUSED)
            return [*history, replace(late, output={"problem": "log-in-refused"})], books
    return None


def lost_session(history: History, books: Books) -> Planted | None:
    for login in history:
        if login.call == "login" and login.outcome is Outcome.OK:
            refused = replace(
                login,
                call="use",
                input={"token": login.output["token"]},
                output={"problem": "session-over"},
                outcome=Outcome.REFUSED,
                called_at=login.returned_at,
                returned_at=login.returned_at,
            )
            return [*history, refused], books
    return None


DAMAGES: Mapping[str, Damage] = {
    f"{damage.plant.__name__}, {damage.found_by}": damage
    for damage in (
        Damage(lost_add, "linearizable-carts"),
        Damage(doubled_add, "linearizable-carts"),
        Damage(stale_read, "linearizable-carts"),
        Damage(lost_read, "linearizable-carts"),
        Damage(cart_that_kept_its_order, "linearizable-carts"),
        Damage(version_going_back, "monotone-versions"),
        Damage(order_going_back, "monotone-versions"),
        Damage(forgotten_order, "read-your-writes"),
        Damage(lost_order, "one-order-per-key"),
        Damage(cancelled_by_the_shop, "final-books"),
        Damage(cancelled_in_vain, "final-books"),
        Damage(confirmed_after_its_refusal, "final-books"),
        Damage(undone_and_confirmed, "final-books"),
        Damage(cancelled_after_its_refusal, "final-books"),
        Damage(other_lines, "final-books"),
        Damage(lost_from_before, "final-books"),
        Damage(second_order_for_a_key, "one-order-per-key"),
        Damage(oversold, "no-oversell"),
        Damage(lost_stock, "exact-sums"),
        Damage(lost_stock, "linearizable-stock"),
        Damage(impossible_stock, "linearizable-stock"),
        Damage(wrong_total, "money-equals-orders"),
        Damage(paid_twice, "money-equals-orders"),
        Damage(paid_for_nothing, "money-equals-orders"),
        Damage(never_paid, "money-equals-orders"),
        Damage(use_after_logout, "sessions"),
        Damage(token_exchanged_twice, "sessions"),
        Damage(lost_session, "sessions"),
        Damage(lost_account, "sessions"),
    )
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_planted_violation_is_found(name: str) -> None:
    damage = DAMAGES[name]
    planted_in = 0
    for seed in range(MAX_SEEDS):
        planted = damage.plant(*soak(seed, crashes=0.05))
        if planted is None:
            continue
        planted_in += 1
        report = check(*planted, names=[damage.found_by])
        assert report.findings, f"seed {seed}"
        assert _names_its_objects(report)
    assert planted_in > MAX_SEEDS / 10


def test_sums_of_carts_are_exact() -> None:
    """Adds only: what the sum says, the model says, too."""
    found = 0
    for seed in range(MAX_SEEDS):
        planted = doubled_add(*soak(seed, crashes=0.0, owners=6))
        if planted is not None:
            found += bool(check(*planted, names=["exact-sums"]).findings)
    assert found > 0


def _names_its_objects(report: Report) -> bool:
    return all(finding.object.partition("/")[2] in finding.sentence for finding in report.findings)


def _shows(operation: Operation, order: BookedOrder, status: str) -> bool:
    return (operation.output.get("id"), operation.output.get("status")) == (order.id, status)


def _operations_of(order: BookedOrder, history: History) -> History:
    return [each for each in history if each.object == f"order/{order.owner}/{order.key}"]


def _with_order(books: Books, order: BookedOrder, **changes: object) -> Books:
    orders = [replace(each, **changes) if each is order else each for each in books.orders or ()]
    return replace(books, orders=orders)


def _is(operation: Operation, object: str, call: str) -> bool:
    return (operation.object, operation.call, operation.outcome) == (object, call, Outcome.OK)


def _with_pieces(books: Books, owner: str, add: Operation, *, factor: int) -> Books:
    cart, sku = books.carts[owner], add.input["sku"]
    pieces = cart.lines.get(sku, 0) + factor * add.input["quantity"]
    changed = BookedCart(cart.version, {**cart.lines, sku: pieces})
    return replace(books, carts={**books.carts, owner: changed})


def _replaced(history: History, old: Operation, **changes: object) -> History:
    return [replace(each, **changes) if each is old else each for each in history]


def _reads_around_a_change(history: History) -> list[tuple[Operation, Operation]]:
    """Two reads of a cart, and between them the response to a change that the first did not see."""
    shown = [each for each in history if each.output.get("version")]
    return [
        (before, after)
        for before in shown
        for change in shown
        for after in shown
        if before.call == after.call == "read"
        and before.object == change.object == after.object
        and change.returned_at < after.called_at
        and before.output["version"] < change.output["version"]
    ]
