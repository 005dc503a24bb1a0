"""The HTTP API of the cart. Every change returns the changed cart."""

from fastapi import APIRouter

from app.errors import IdempotencyKeyReused
from app.identity import CurrentIdentity, ServiceCaller
from app.request.idempotency import REPLAYED, document_replay
from app.request.problems import problems
from app.request.ready_json import ReadyJson
from services.cart.dependencies import Carts, CurrentUser, GuestIdentity, IdempotencyKey
from services.cart.models import (
    CART_LIMITS,
    Cart,
    CartLimit,
    Line,
    MergedCart,
    QuantityRequest,
    Sku,
    TakeRequest,
    TakeResponse,
)
from services.cart.service import UnknownProduct

router = APIRouter(prefix="/v1", tags=["cart"])

REPLAY = document_replay(
    "`true` when an earlier request with this key did the add; "
    "the response is the cart as it is now."
)


@router.post(
    "/cart/items",
    response_model=Cart,
    description="Add pieces of a product to the cart.\n\n"
    f"{CART_LIMITS} 409 `cart-limit`: the add would exceed this. Nothing is changed then.",
    responses={
        200: {"headers": REPLAY},
        **problems(401, UnknownProduct, CartLimit, IdempotencyKeyReused),
    },
)
async def add_item(
    line: Line, identity: CurrentIdentity, carts: Carts, key: IdempotencyKey = None
) -> ReadyJson:
    added = await carts.add_item(identity.subject, line, key=key)
    return ReadyJson(added.stored.json, headers=REPLAYED if added.replayed else {})


@router.get("/cart", response_model=Cart, responses=problems(401))
async def read_cart(identity: CurrentIdentity, carts: Carts) -> ReadyJson:
    """Your cart."""
    stored = await carts.read(identity.subject)
    return ReadyJson(stored.json)


@router.delete("/cart", responses=problems(401))
async def clear_cart(identity: CurrentIdentity, carts: Carts) -> Cart:
    """Remove all lines."""
    return await carts.clear(identity.subject)


@router.put("/cart/items/{sku}", responses=problems(401, UnknownProduct, CartLimit))
async def set_quantity(
    sku: Sku, request: QuantityRequest, identity: CurrentIdentity, carts: Carts
) -> Cart:
    """Set the quantity of a line. The line is added if it is not there."""
    return await carts.set_quantity(identity.subject, Line(sku=sku, quantity=request.quantity))


@router.delete("/cart/items/{sku}", responses=problems(401))
async def remove_item(sku: Sku, identity: CurrentIdentity, carts: Carts) -> Cart:
    """Remove a line. Nothing happens if it is not there."""
    return await carts.remove_item(identity.subject, sku)


@router.post(
    "/cart:merge",
    description="Move a guest's cart into your own, after login.\n\n"
    f"Quantities are added. {CART_LIMITS} Lines that exceed this are cut and listed in `notices`. "
    "A repeated merge adds nothing: the guest's cart is empty after the first one.",
    responses=problems(401, 403),
)
async def merge_guest(user: CurrentUser, guest: GuestIdentity, carts: Carts) -> MergedCart:
    return await carts.merge(user.subject, guest=guest.subject)


@router.post("/cart:take", responses=problems(401))
async def take_order(request: TakeRequest, _: ServiceCaller, carts: Carts) -> TakeResponse:
    """Take the lines of an order out of the cart, once per order. For services only."""
    return await carts.take_ordered_lines(request)
