"""A history by object, with what it and the books tell of each order."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import inf

from cartwheel.consistency.books import BookedOrder, Books
from loadtest.history import Operation, Outcome

STAGES = {"pending": 0, "confirmed": 1, "cancelled": 2}
"""An order's statuses, in the order in which it has them."""


class Happened(StrEnum):
    """Whether something took place."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"


@dataclass(frozen=True)
class KnownOrder:
    """All that is known of the order of one idempotency key.

    ``booked`` is None if the books have no such order, ``in_books`` whether they have orders.
    """

    object: str
    operations: Sequence[Operation]
    booked: BookedOrder | None
    in_books: bool

    @property
    def owner(self) -> str:
        return owner_of_order(self.object)

    @cached_property
    def places(self) -> Sequence[Operation]:
        return [each for each in self.operations if each.call == "place"]

    @cached_property
    def cancels(self) -> Sequence[Operation]:
        """The cancellations that may have had an effect."""
        return [
            each
            for each in self.operations
            if each.call == "cancel" and each.outcome is not Outcome.REFUSED
        ]

    @cached_property
    def called_at(self) -> float:
        """Nothing was done about the order before."""
        return min((each.called_at for each in self.places), default=-inf)

    @cached_property
    def quantities(self) -> Mapping[str, int]:
        """Pieces by SKU, from the best source there is."""
        if self.booked is not None:
            return self.booked.quantities
        seen = (each.output["lines"] for each in self.operations if "lines" in each.output)
        asked = (each.input["lines"] for each in self.places if "lines" in each.input)
        return next(seen, None) or next(asked, {})

    @cached_property
    def exists(self) -> Happened:
        """Whether an order was made."""
        if self.booked is not None or any(_is_acknowledged(each) for each in self.places):
            return Happened.YES
        if self.in_books or not self.places:
            return Happened.NO
        return Happened.PERHAPS

    def seen_as(self, status: str) -> Operation | None:
        """The first response that showed the order with this status."""
        shown = [each for each in self.operations if each.output.get("status") == status]
        acknowledged = [each for each in shown if each.outcome is Outcome.OK]
        return min(acknowledged, key=lambda each: each.returned_at, default=None)

    @cached_property
    def confirmed(self) -> Happened:
        """Whether it was ever confirmed, even if it was cancelled later."""
        if self.seen_as("confirmed") is not None:
            return Happened.YES
        if self.booked is not None and self.booked.status == "confirmed":
            return Happened.YES
        if self.exists is Happened.NO:
            return Happened.NO
        was_undone = self.booked is not None and self.booked.status == "cancelled"
        by_shopper = bool(self.cancels) or (
            self.booked is not None and self.booked.reason == "shopper"
        )
        return Happened.NO if was_undone and not by_shopper else Happened.PERHAPS

    @cached_property
    def cancelled(self) -> Happened:
        """Whether it was cancelled, by the shopper or by the shop."""
        if self.booked is not None and self.booked.status != "pending":
            return Happened.YES if self.booked.status == "cancelled" else Happened.NO
        if self.seen_as("cancelled") is not None:
            return Happened.YES
        is_settled = self.confirmed is Happened.YES and not self.cancels
        return Happened.NO if is_settled or self.exists is Happened.NO else Happened.PERHAPS

    def acknowledged_by(self, *, end: float) -> float:
        """When the order had been made at the latest."""
        acknowledged = (each.returned_at for each in self.places if _is_acknowledged(each))
        return min(acknowledged, default=end)

    def confirmed_by(self, *, end: float) -> float:
        """When the order had been confirmed at the latest, if it was."""
        shown = self.seen_as("confirmed")
        return end if shown is None else shown.returned_at

    def undone_by(self, *, end: float) -> float:
        """When the order had been undone at the latest, if it was cancelled."""
        done = (each.returned_at for each in self.cancels if each.output.get("done"))
        return min(done, default=end)


class IndexedHistory:
    """The operations by object, in the order of their calls."""

    def __init__(self, history: Sequence[Operation], books: Books) -> None:
        self.books = books
        self.operations = sorted(history, key=lambda each: each.called_at)
        self.end = max((each.returned_at for each in history), default=0.0) + 1.0
        """A time after all operations, at which the books are read."""
        self._by_object: dict[str, list[Operation]] = defaultdict(list)
        for operation in self.operations:
            self._by_object[operation.object].append(operation)

    def objects(self, kind: str) -> Mapping[str, Sequence[Operation]]:
        """The operations of each object of a kind, as `cart`."""
        prefix = f"{kind}/"
        return {
            name: operations
            for name, operations in self._by_object.items()
            if name.startswith(prefix)
        }

    @cached_property
    def orders(self) -> Sequence[KnownOrder]:
        """Every order that a client tried to place."""
        booked = {order_object(order): order for order in reversed(self.books.orders or ())}
        return [
            KnownOrder(name, operations, booked.get(name), self.books.orders is not None)
            for name, operations in self.objects("order").items()
            if any(each.call == "place" for each in operations)
        ]

    @cached_property
    def orders_by_owner(self) -> Mapping[str, Sequence[KnownOrder]]:
        by_owner: dict[str, list[KnownOrder]] = defaultdict(list)
        for order in self.orders:
            by_owner[order.owner].append(order)
        return by_owner

    @cached_property
    def orders_by_sku(self) -> Mapping[str, Sequence[KnownOrder]]:
        """With those of others: they took from the same stock."""
        by_sku: dict[str, list[KnownOrder]] = defaultdict(list)
        for order in (*self.orders, *self._orders_of_others):
            for sku in order.quantities:
                by_sku[sku].append(order)
        return by_sku

    @cached_property
    def _orders_of_others(self) -> Sequence[KnownOrder]:
        """Those in the books of owners who have done nothing in this history."""
        owners = {owner_of_order(name) for name in self.objects("order")}
        owners |= {id_of(name) for name in self.objects("cart")}
        return [
            KnownOrder(order_object(order), (), order, in_books=True)
            for order in self.books.orders or ()
            if order.owner not in owners
        ]

    @cached_property
    def cart_groups(self) -> Sequence[tuple[Sequence[str], Sequence[Operation]]]:
        """The carts of which one was merged into the other: their names and operations."""
        carts = self.objects("cart")
        group_of = {name: {name} for name in carts}
        for name, operations in carts.items():
            for operation in operations:
                if operation.call == "merge":
                    guest = f"cart/{operation.input['from']}"
                    joined = group_of[name] | group_of.get(guest, {guest})
                    group_of.update(dict.fromkeys(joined, joined))
        groups = sorted(sorted(group) for group in {id(g): g for g in group_of.values()}.values())
        return [(group, [o for name in group for o in carts.get(name, ())]) for group in groups]

    def pieces_in_orders(self, status: str) -> Counter[str]:
        """Pieces by SKU in the orders of the books that have this status."""
        pieces: Counter[str] = Counter()
        for order in self.books.orders or ():
            if order.status == status:
                pieces.update(order.quantities)
        return pieces


def id_of(name: str) -> str:
    """The id in the name of an object: `ada` of `cart/ada`."""
    return name.partition("/")[2]


def owner_of_order(name: str) -> str:
    return id_of(name).rpartition("/")[0]


def order_object(order: BookedOrder) -> str:
    return f"order/{order.owner}/{order.key}"


def _is_acknowledged(place: Operation) -> bool:
    return place.outcome is Outcome.OK
