"""The cart."""

import secrets
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.client import UpstreamError
from app.errors import NotFound
from app.telemetry.context import current
from services.storefront import till, views
from services.storefront.clients import Refusal, SignedOut
from services.storefront.dependencies import CurrentShop, CurrentVisit, Visit
from services.storefront.models import Cart
from services.storefront.routes.catalogue import SKU
from services.storefront.service import Basket, Outage
from services.storefront.web.safety import own_path

router = APIRouter(include_in_schema=False)

MOST = 99
REFUSALS = {
    "cart-limit": "cart-limit",
    "unknown-product": "no-longer-sold",
    "too-many-attempts": "too-many-guests",
}


async def read_basket(visit: Visit, shop: CurrentShop) -> Basket | Outage:
    """The visitor's basket; an ended session has an empty one."""
    try:
        return await visit.as_caller(shop.storefront.basket)
    except SignedOut:
        return await shop.storefront.basket(None)
    except UpstreamError:
        return Outage("user")


@router.get("/cart")
async def show_cart(visit: CurrentVisit, shop: CurrentShop) -> Any:
    basket = await read_basket(visit, shop)
    if isinstance(basket, Outage):
        return await visit.page(
            "cart.html", here="cart", missing=views.missing(basket), cart_count=None
        )
    page = till.basket_page(basket, visit.seen_prices)
    return await visit.page(
        "cart.html", here="cart", basket=page, missing=None, cart_count=basket.cart.count
    )


@router.post("/cart/items")
async def add_item(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await visit.form()
    sku, quantity = form.get("sku", ""), _quantity(form.get("quantity", ""))
    back = own_path(form.get("next", ""), default="/cart")
    if not SKU.fullmatch(sku) or not quantity:
        return _answer(visit, back, notice="quantity", status=422)
    key = secrets.token_urlsafe(18)

    async def add(_: str | None) -> Cart:
        bearer = await visit.bearer_or_guest()
        return await shop.storefront.carts.add(bearer, sku, quantity, key=key)

    try:
        cart = await visit.as_caller(add)
    except Refusal as refusal:
        return _answer(visit, back, notice=_why(refusal), status=409)
    except (UpstreamError, SignedOut):
        return _answer(visit, back, notice="cart-down", status=503)
    seen = form.get("seen", "")
    if seen.isascii() and seen.isdigit() and len(seen) <= 15:
        visit.remember_price(sku, int(seen))
    return _answer(visit, back, notice="added", count=cart.count)


@router.post("/cart/items/{sku}")
async def set_quantity(sku: str, visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await visit.form()
    quantity = _quantity(form.get("quantity", ""))
    _check_sku(sku)
    if quantity is None:
        return visit.redirect("/cart", notice="quantity")

    async def change(bearer: str | None) -> None:
        if bearer is None:
            return
        if quantity == 0:
            await shop.storefront.carts.remove(bearer, sku)
        else:
            await shop.storefront.carts.set(bearer, sku, quantity)

    return await _change(visit, change, notice="updated")


@router.post("/cart/items/{sku}/remove")
async def remove_item(sku: str, visit: CurrentVisit, shop: CurrentShop) -> Any:
    await visit.form()
    _check_sku(sku)

    async def remove(bearer: str | None) -> None:
        if bearer is not None:
            await shop.storefront.carts.remove(bearer, sku)

    return await _change(visit, remove, notice="removed")


async def _change(visit: Visit, change: Any, *, notice: str) -> Any:
    try:
        await visit.as_caller(change)
    except Refusal as refusal:
        # A line that is not there any more is what removing it wants.
        gone = refusal.status == 404 and notice == "removed"
        return visit.redirect("/cart", notice=notice if gone else _why(refusal))
    except SignedOut:
        return visit.redirect("/cart")
    except UpstreamError:
        return visit.redirect("/cart", notice="cart-down", reference=current().request_id)
    return visit.redirect("/cart", notice=notice)


def _answer(
    visit: Visit, back: str, *, notice: str, status: int = 200, count: int | None = None
) -> Any:
    """A page to go back to; for the page's own script a few words instead."""
    if not visit.wants_json:
        reference = current().request_id if status == 503 else ""
        return visit.redirect(back, notice=notice, reference=reference)
    body = {"count": count, "message": "In the cart."} if status == 200 else {"notice": notice}
    return visit.sealed(JSONResponse(body, status, {"cache-control": "no-store"}))


def _why(refusal: Refusal) -> str:
    return REFUSALS.get(refusal.kind, "no-longer-sold" if refusal.status == 404 else "quantity")


def _quantity(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    return int(text) if int(text) <= MOST else None


def _check_sku(sku: str) -> None:
    if not SKU.fullmatch(sku):
        raise NotFound("There is no such line.")
