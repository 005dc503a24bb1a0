"""The calls to products, cart and user, and the members of their responses that are read.

A definite no is returned as a `StepRefusal`. Everything that leaves the result unknown is raised
as `UpstreamError`; the call can be repeated, because each is idempotent by order id.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.client import Upstream, UpstreamResponse, expect, raise_for_problem
from app.models import PRINTABLE, UpstreamModel
from services.tracking.models import OrderLine, Reason, StepRefusal

MAX_LINES = 100
MAX_DELETIONS = 100
MAX_STOCK = 1_000_000
MAX_PRICE = 10**12

Sku = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
Stock = Annotated[int, Field(ge=0, le=MAX_STOCK)]


class Price(UpstreamModel):
    amount: Annotated[int, Field(ge=0, le=MAX_PRICE)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Product(UpstreamModel):
    sku: Sku
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
    price: Price
    available: Stock


class CartLine(UpstreamModel):
    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=99)]


class _Products(UpstreamModel):
    items: Annotated[list[Product], Field(max_length=MAX_LINES)]


class Cart(UpstreamModel):
    """What is to be ordered; each change raises ``version`` and sets ``updated_at``."""

    version: Annotated[int, Field(ge=0, lt=2**53)]
    updated_at: AwareDatetime | None
    lines: Annotated[list[CartLine], Field(max_length=MAX_LINES)]


class _Shortage(UpstreamModel):
    sku: Sku
    available: Stock


class _NotReserved(UpstreamModel):
    unavailable: Annotated[tuple[_Shortage, ...], Field(max_length=MAX_LINES)] = ()


class _Held(UpstreamModel):
    status: Literal["reserved", "committed"]


class _Reservation(UpstreamModel):
    status: Literal["reserved", "committed", "released", "expired"]


class _Taken(UpstreamModel):
    taken: bool


class ProductsClient:
    def __init__(self, products: Upstream) -> None:
        self._products = products

    async def look_up(self, skus: Sequence[str]) -> Mapping[str, Product]:
        """The products as they are sold now, by SKU; those no longer sold are absent."""
        response = await self._products.request(
            "POST",
            "/v1/products:lookup",
            json={"skus": list(skus)},
            idempotent=True,
            check=expect(_Products, allow_401=False),
        )
        products = raise_for_problem(response).read(_Products)
        return {product.sku: product for product in products.items}

    async def reserve(self, order_id: str, lines: Sequence[OrderLine]) -> StepRefusal | None:
        """Hold the stock of all lines."""
        response = await self._products.request(
            "PUT",
            f"/v1/reservations/{order_id}",
            json={"lines": _line_bodies(lines)},
            as_service=True,
            check=expect(_Held, allow_401=False),
        )
        if response.status_code != 409:
            return _lost_if_refused(response)
        shortage = response.read(_NotReserved)
        if not shortage.unavailable:
            return StepRefusal(Reason.RESERVATION_LOST)
        return StepRefusal(
            Reason.OUT_OF_STOCK, {line.sku: line.available for line in shortage.unavailable}
        )

    async def commit(self, order_id: str) -> StepRefusal | None:
        """Sell what is held."""
        response = await self._products.request(
            "POST",
            f"/v1/reservations/{order_id}:commit",
            as_service=True,
            idempotent=True,
            check=expect(_Held, allow_401=False),
        )
        return _lost_if_refused(response)

    async def release(self, order_id: str) -> None:
        """Take back what is held or sold; a reservation that comes later is refused."""
        response = await self._products.request(
            "POST",
            f"/v1/reservations/{order_id}:release",
            as_service=True,
            idempotent=True,
            check=expect(_Reservation, allow_401=False),
        )
        raise_for_problem(response)


class DeletedAccount(UpstreamModel):
    """An account whose orders are to be anonymised."""

    subject: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
    deleted_at: AwareDatetime


class Deletions(UpstreamModel):
    """A page of the list; ``next_cursor`` continues it, now or later."""

    items: Annotated[list[DeletedAccount], Field(max_length=MAX_DELETIONS)]
    next_cursor: Annotated[str | None, Field(max_length=512)]


class UserClient:
    def __init__(self, user: Upstream) -> None:
        self._user = user

    async def deletions(self, cursor: str | None, *, limit: int) -> Deletions | None:
        """The accounts deleted since ``cursor``. None: `user` does not know the cursor any more."""
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        response = await self._user.request(
            "GET",
            "/v1/deletions",
            params=params,
            as_service=True,
            check=expect(Deletions, allow_401=False),
        )
        if response.status_code == 422 and cursor:
            return None
        return raise_for_problem(response).read(Deletions)


class CartClient:
    def __init__(self, cart: Upstream) -> None:
        self._cart = cart

    async def read(self, token: str) -> Cart:
        """The cart of the caller with this access token."""
        response = await self._cart.request("GET", "/v1/cart", bearer=token, check=expect(Cart))
        return raise_for_problem(response).read(Cart)

    async def cancel_take(self, order_id: str, *, subject: str) -> None:
        """From now on the cart rejects to take the order; what it has taken stays taken."""
        await self.take(order_id, subject=subject, lines=[])

    async def take(self, order_id: str, *, subject: str, lines: Sequence[OrderLine]) -> None:
        """Remove what was ordered from the subject's cart, once per order."""
        response = await self._cart.request(
            "POST",
            "/v1/cart:take",
            json={"order_id": order_id, "subject": subject, "lines": _line_bodies(lines)},
            as_service=True,
            idempotent=True,
            check=expect(_Taken, allow_401=False),
        )
        raise_for_problem(response)


def _line_bodies(lines: Sequence[OrderLine]) -> list[dict[str, str | int]]:
    return [{"sku": line.sku, "quantity": line.quantity} for line in lines]


def _lost_if_refused(response: UpstreamResponse) -> StepRefusal | None:
    """404, 409, 422: a definite no. 401, 403 and 429 say nothing about the order."""
    if response.status_code in (404, 409, 422):
        return StepRefusal(Reason.RESERVATION_LOST)
    raise_for_problem(response)
    return None
