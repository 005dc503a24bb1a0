"""What the cart needs from a store.

Each call is atomic: any number of replicas may change the same cart at the same time, and the
result is that of one change after the other. `SqliteCarts` and `ValkeyCarts` keep the promise;
one test suite runs over both.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.identity import GUEST_PREFIX
from services.cart.models import AddedItem, Cart, Line, MergedCart, TakenOrder

MAX_REMEMBERED = 64
"""How many adds with an Idempotency-Key are remembered for one shopper; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the store keeps what nobody touches, in seconds."""

    cart: int
    guest_cart: int
    remembered_add: int

    def of_cart(self, subject: str) -> int:
        """The milliseconds a subject's cart lives after its last change."""
        return 1000 * (self.guest_cart if subject.startswith(GUEST_PREFIX) else self.cart)


def digests_of(key: str, line: Line) -> tuple[str, str]:
    """What is remembered of an add: its key and what it asked for, in one size however long."""
    return _digest_of(key), _digest_of(f"{line.sku} {line.quantity}")


def _digest_of(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


class CartRepository(Protocol):
    """Carts by subject. A cart that is not stored is an empty one.

    Every method raises `StoreUnavailable` when the store does not answer in time; a change
    may then have happened or not.
    """

    async def read(self, subject: str) -> Cart: ...

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddedItem:
        """Once per ``key``, when there is one; a repeated one answers the cart as it is now.

        Raises `CartLimit`, `IdempotencyKeyReused`.
        """

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddedItem | None:
        """The cart as it is now, if this add was done before; changes nothing.

        Raises `IdempotencyKeyReused`.
        """

    async def set(self, subject: str, line: Line) -> Cart:
        """Raises `CartLimit`."""

    async def remove(self, subject: str, sku: str) -> Cart: ...

    async def clear(self, subject: str) -> Cart: ...

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        """Move the guest's lines over; the guest's cart is empty afterwards."""

    async def take(self, subject: str, order_id: str, lines: Sequence[Line]) -> TakenOrder:
        """Once per order, however often it is asked for."""

    async def check(self) -> None:
        """Returns when the store can serve; raises `StoreUnavailable` when not."""
