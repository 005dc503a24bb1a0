"""The cart."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.client import UpstreamError
from app.telemetry.context import current_context
from services.storefront import cart_view, views
from services.storefront.clients import Refusal, SignedOut
from services.storefront.dependencies import (
    CurrentShop,
    CurrentVisit,
    Shop,
    StaleForm,
    Visit,
    new_form_key,
)
from services.storefront.flash_messages import Flash, Pieces, notice_of
from services.storefront.models import Cart, CartLine, Lookup
from services.storefront.quantity_fields import MOST, Quantities, quantity_of
from services.storefront.routes.catalogue import SKU
from services.storefront.service import Basket, Outage, missing_neighbour
from services.storefront.web.forms import Form
from services.storefront.web.security import own_path

router = APIRouter(include_in_schema=False)

MAX_FIELDS = 256
"""A cart has 100 lines, and two fields for each."""
REFUSALS = {
    "cart-limit": "cart-limit",
    "unknown-product": "no-longer-sold",
    "too-many-attempts": "too-many-guests",
}
LINE_PROBLEMS = {
    "quantity": f"Quantities go from 1 to {MOST}.",
    "cart-limit": f"A cart holds up to {MOST} of a kind, and 100 kinds.",
    "no-longer-sold": "No longer sold. Remove it to go on.",
}


async def read_basket(visit: Visit, shop: Shop, *, also: tuple[str, ...] = ()) -> Basket | Outage:
    """The visitor's basket; an ended session has an empty one.

    ``also`` names products that the page speaks of although they are not in the cart.
    """

    async def read(bearer: str | None) -> Basket | Outage:
        return await shop.storefront.basket(bearer, also=also)

    try:
        return await visit.as_caller(read)
    except SignedOut:
        return await shop.storefront.basket(None)
    except UpstreamError as error:
        return Outage(missing_neighbour(error, asked="user"))


@router.get("/cart")
async def show_cart(visit: CurrentVisit, shop: CurrentShop) -> Any:
    return await _cart_page(visit, shop, Form())


@router.post("/cart")
async def change_cart(visit: CurrentVisit, shop: CurrentShop) -> Any:
    """Have the quantities that were typed, whichever button of the page was pressed."""
    try:
        typed = await visit.form(most_fields=MAX_FIELDS)
    except StaleForm as stale:
        advice = "Nothing was changed. Please check."
        again = Form(stale.typed, trouble=stale.title, advice=advice, status=stale.status)
        return await _cart_page(visit, shop, again)
    wanted = Quantities.read(typed)
    errors = {f"quantity-{sku}": LINE_PROBLEMS["quantity"] for sku in wanted.unreadable}

    async def change(bearer: str) -> None:
        for sku, quantity in wanted.changed.items():
            try:
                await have(shop, bearer, sku, quantity)
            except Refusal as refusal:
                errors[f"quantity-{sku}"] = LINE_PROBLEMS[_why(refusal)]

    try:
        if wanted.changed:
            await visit.as_somebody(change)
    except SignedOut:
        return visit.redirect("/cart", notice="session-over")
    except UpstreamError as error:
        return await _cart_page(visit, shop, _not_changed(wanted.typed_in(typed), error))
    if errors:
        return await _cart_page(visit, shop, Form(wanted.typed_in(typed), errors))
    if typed.get("then") == "checkout":
        return visit.redirect("/checkout")
    name, pieces = wanted.summary
    return visit.redirect("/cart", notice=name, pieces=pieces)


@router.post("/cart/items")
async def add_item(visit: CurrentVisit, shop: CurrentShop) -> Any:
    try:
        form = await visit.form()
    except StaleForm as stale:
        raise stale.leading_to(_back(stale.typed)) from None
    sku, quantity = form.get("sku", ""), quantity_of(form.get("quantity", ""))
    if not SKU.fullmatch(sku) or not quantity:
        return _not_added(visit, form, notice="quantity", status=422)
    key = _add_key(form.get("key", ""), sku, quantity)

    async def add(_: str | None) -> Cart:
        bearer = await visit.bearer_or_guest()
        return await shop.storefront.carts.add(bearer, sku, quantity, key=key)

    try:
        cart = await visit.as_caller(add)
    except Refusal as refusal:
        return _not_added(visit, form, notice=_why(refusal), status=409)
    except SignedOut:
        return _not_added(visit, form, notice="session-over", status=503)
    except UpstreamError as error:
        down = f"{missing_neighbour(error, asked='cart')}-down"
        return _not_added(visit, form, notice=down, status=503)
    seen = form.get("seen", "")
    if seen.isascii() and seen.isdigit() and len(seen) <= 15:
        visit.remember_price(sku, int(seen))
    return await _added(visit, shop, form, cart, Pieces(sku, quantity, cart.quantity_of(sku)))


async def _added(
    visit: Visit, shop: Shop, form: Mapping[str, str], cart: Cart, pieces: Pieces
) -> Any:
    """A page to go back to; for the page's own script the words, and the key of the next add."""
    if not visit.wants_json:
        back = own_path(form.get("next", ""), default="/cart")
        return visit.redirect(back, notice="added", pieces=pieces)
    goods = await shop.storefront.goods([pieces.sku])
    known = {} if isinstance(goods, Outage) else goods.by_sku
    notice = notice_of(Flash("added", pieces), known)
    said = visit.render("said.html", notice=notice)
    return _json(visit, {"count": cart.count, "said": said, "key": new_form_key()}, 200)


def _not_added(visit: Visit, form: Mapping[str, str], *, notice: str, status: int) -> Any:
    """The page again, with the quantity that was typed."""
    if visit.wants_json:
        return _json(visit, {"notice": notice}, status)
    reference = current_context().request_id if status == 503 else ""
    return visit.redirect(_back(form), notice=notice, reference=reference)


def _json(visit: Visit, body: Mapping[str, Any], status: int) -> Any:
    return visit.sealed(JSONResponse(body, status, {"cache-control": "no-store"}))


def _back(form: Mapping[str, str]) -> str:
    """The page that a form for adding was on, with its quantity kept."""
    path = own_path(form.get("next", ""), default="/cart")
    typed = form.get("quantity", "")[:8]
    return f"{path}?{urlencode({'quantity': typed})}" if typed and "?" not in path else path


def _add_key(form_key: str, sku: str, quantity: int) -> str:
    """The same form sent twice is one add; with another quantity it is another wish."""
    key = form_key or new_form_key()
    return hashlib.sha256(f"{key}\0{sku}\0{quantity}".encode()).hexdigest()


async def have(shop: Shop, bearer: str, sku: str, quantity: int) -> None:
    """Have so many in the cart, none for nought."""
    if quantity == 0:
        await shop.storefront.carts.remove(bearer, sku)
    else:
        await shop.storefront.carts.set(bearer, sku, quantity)


async def _cart_page(visit: Visit, shop: Shop, form: Form) -> Any:
    flash = visit.flash()
    also = (flash.pieces.sku,) if flash and flash.pieces else ()
    found = await read_basket(visit, shop, also=also)
    if isinstance(found, Outage) and form.values:
        # What was typed stays: the lines are those that the form names.
        return await _typed_cart_page(visit, shop, form, found)
    if isinstance(found, Outage):
        empty = {"basket": None, "form": form, "cart_count": None}
        return await visit.outage("cart.html", found, here="cart", **empty)
    page = cart_view.basket_page(found, visit.seen_prices, form)
    return await visit.page(
        "cart.html",
        status=form.status,
        here="cart",
        basket=page,
        form=form,
        missing=None if form.trouble else page.missing,
        cart_count=found.cart.count,
        goods=found.known,
    )


async def _typed_cart_page(visit: Visit, shop: Shop, form: Form, outage: Outage) -> Any:
    before = Quantities.read(form.values).before
    cart = Cart(lines=tuple(CartLine(sku=sku, quantity=count) for sku, count in before.items()))
    goods = await shop.storefront.goods(list(before)) if before else Lookup(items=[])
    page = cart_view.basket_page(Basket(cart, goods), visit.seen_prices, form)
    return await visit.page(
        "cart.html",
        status=503 if form.status == 200 else form.status,
        here="cart",
        basket=page,
        form=form,
        missing=None if form.trouble else views.missing(outage),
        cart_count=None,
    )


def _not_changed(typed: Mapping[str, str], error: UpstreamError) -> Form:
    title, _ = views.OUTAGES[missing_neighbour(error, asked="cart")]
    return Form(
        typed,
        trouble=title,
        advice="Not all of it was changed. What you typed is still here: please try again.",
        request_id=current_context().request_id,
    )


def _why(refusal: Refusal) -> str:
    return REFUSALS.get(refusal.kind, "no-longer-sold" if refusal.status == 404 else "quantity")
