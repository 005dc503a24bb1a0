"""The cart's HTTP contract. Every change answers the cart as it is afterwards."""

from fastapi import APIRouter, Response

from app.errors import IdempotencyKeyReused
from app.identity import ServiceCaller
from app.request.idempotency import REPLAYED, document_replay
from app.request.problems import problems
from services.cart.dependencies import Carts, Customer, Guest, IdempotencyKey, Shopper
from services.cart.models import (
    Cart,
    CartLimit,
    Line,
    MergedCart,
    NewQuantity,
    Order,
    Sku,
    TakenOrder,
)
from services.cart.service import UnknownProduct

router = APIRouter(prefix="/v1", tags=["cart"])

REPLAY = document_replay(
    "`true` when an earlier request with this key did the add; the answer is the cart as it is now."
)


@router.post(
    "/cart/items",
    responses={
        200: {"headers": REPLAY},
        **problems(401, UnknownProduct, CartLimit, IdempotencyKeyReused),
    },
)
async def add_item(
    line: Line,
    shopper: Shopper,
    carts: Carts,
    response: Response,
    key: IdempotencyKey = None,
) -> Cart:
    """Put so many more pieces of a product in.

    Refused with 409 `cart-limit` when there would be more than 99 pieces of it or more than
    100 products; nothing is changed then.
    """
    added = await carts.add_item(shopper.subject, line, key=key)
    if added.replayed:
        response.headers.update(REPLAYED)
    return added.cart


@router.get("/cart", responses=problems(401))
async def read_cart(shopper: Shopper, carts: Carts) -> Cart:
    """What the caller has chosen so far."""
    return await carts.cart_of(shopper.subject)


@router.delete("/cart", responses=problems(401))
async def clear_cart(shopper: Shopper, carts: Carts) -> Cart:
    """Take everything out."""
    return await carts.clear(shopper.subject)


@router.put("/cart/items/{sku}", responses=problems(401, UnknownProduct, CartLimit))
async def set_quantity(sku: Sku, wanted: NewQuantity, shopper: Shopper, carts: Carts) -> Cart:
    """Have exactly so many pieces of a product."""
    return await carts.set_quantity(shopper.subject, Line(sku=sku, quantity=wanted.quantity))


@router.delete("/cart/items/{sku}", responses=problems(401))
async def remove_item(sku: Sku, shopper: Shopper, carts: Carts) -> Cart:
    """Take a product out. One that is not in the cart is out already."""
    return await carts.remove_item(shopper.subject, sku)


@router.post("/cart:merge", responses=problems(401, 403))
async def merge_guest(customer: Customer, guest: Guest, carts: Carts) -> MergedCart:
    """Move a guest's cart into the caller's own, at login.

    Quantities are summed. What passes 99 pieces or 100 products is cut and told in `notices`.
    Doing it twice adds nothing: the guest's cart is empty after the first time.
    """
    return await carts.merge(customer.subject, guest=guest.subject)


@router.post("/cart:take", responses=problems(401))
async def take_order(order: Order, _: ServiceCaller, carts: Carts) -> TakenOrder:
    """Remove what was ordered, once per order. For checkout, not for shoppers."""
    return await carts.take(order)
