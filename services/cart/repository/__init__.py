"""The interface of a cart store, implemented in `sqlite` and `valkey`.

Each call is atomic: when several replicas change a cart at the same time, the result is that of
one change after the other. The same tests run over both implementations.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.identity import GUEST_PREFIX
from services.cart.models import AddResult, Cart, Line, MergedCart, StoredCart, TakeResponse


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the store keeps carts after their last change, and idempotency keys."""

    cart_seconds: int
    guest_cart_seconds: int
    idempotency_key_seconds: int

    def cart_ttl_ms(self, subject: str) -> int:
        """How long the cart of this subject is kept after its last change."""
        is_guest = subject.startswith(GUEST_PREFIX)
        return 1000 * (self.guest_cart_seconds if is_guest else self.cart_seconds)


def digests_of(key: str, line: Line) -> tuple[str, str]:
    """What is stored of an add with a key: the digests of the key and of the request."""
    return _digest_of(key), _digest_of(f"{line.sku} {line.quantity}")


def _digest_of(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


class CartRepository(Protocol):
    """Carts by subject. A subject without a stored cart has an empty one.

    Every method raises `StoreUnavailable` when the store does not answer in time; a change may
    still have been made.
    """

    async def read(self, subject: str) -> StoredCart: ...

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddResult:
        """Add to the line. A ``key`` that was used before adds nothing and returns the cart.

        Raises `CartLimit`, `IdempotencyKeyReused`.
        """

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddResult | None:
        """The cart, if an earlier add had this key. Changes nothing.

        Raises `IdempotencyKeyReused`.
        """

    async def set(self, subject: str, line: Line) -> Cart:
        """Raises `CartLimit`."""

    async def remove(self, subject: str, sku: str) -> Cart: ...

    async def clear(self, subject: str) -> Cart: ...

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        """Move the guest's lines over; the guest's cart is empty afterwards."""

    async def take_ordered_lines(
        self, subject: str, order_id: str, lines: Sequence[Line]
    ) -> TakeResponse:
        """Take the lines of an order out of the cart, once per order, even if there are none."""

    async def check(self) -> None:
        """Raises `StoreUnavailable` unless the store can serve requests."""
