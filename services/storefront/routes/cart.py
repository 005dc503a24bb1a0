"""The cart."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from app.client import UpstreamError
from app.telemetry.context import current_context
from services.storefront.clients import RequestDeclined, SignedOut
from services.storefront.dependencies import CurrentShop, CurrentVisit, Shop
from services.storefront.forms.cart_form import MAX_FIELDS, CartFormFields, parse_quantity
from services.storefront.idempotency_keys import add_key, new_form_key
from services.storefront.models import MAX_LINES, MAX_QUANTITY, Cart, is_sku
from services.storefront.page_parts import MissingPart, failed_upstream
from services.storefront.service import PricedCart, known_products
from services.storefront.view_models.cart import cart_view
from services.storefront.view_models.flash_messages import (
    FlashMessage,
    LineChange,
    flash_message_view,
    upstream_down,
)
from services.storefront.view_models.form import Form
from services.storefront.view_models.missing_parts import NOT_ANSWERING, missing_part_view
from services.storefront.visit.carts import read_cart
from services.storefront.visit.posted_forms import StaleForm
from services.storefront.visit.visit import Visit
from services.storefront.web.local_paths import local_path

router = APIRouter(include_in_schema=False)

CART_PATH = "/cart"
DECLINED_NAMES = {
    "cart-limit": "cart-limit",
    "unknown-product": "no-longer-sold",
    "too-many-attempts": "too-many-guests",
}
LINE_ERRORS = {
    "quantity": f"Quantities go from 1 to {MAX_QUANTITY}.",
    "cart-limit": f"A cart holds up to {MAX_QUANTITY} of a kind, and {MAX_LINES} kinds.",
    "no-longer-sold": "No longer sold. Remove it to go on.",
}


@router.get("/cart")
async def show_cart(visit: CurrentVisit, shop: CurrentShop) -> Response:
    return await _cart_page(visit, shop, Form())


@router.post("/cart")
async def change_cart(visit: CurrentVisit, shop: CurrentShop) -> Response:
    """Set the quantities that were typed, whichever button of the page was pressed."""
    try:
        fields = await visit.forms.read(max_fields=MAX_FIELDS)
    except StaleForm as stale:
        advice = "Nothing was changed. Please check."
        form = Form(stale.typed, problem=stale.title, advice=advice, status=stale.status)
        return await _cart_page(visit, shop, form)
    cart_form = CartFormFields.read(fields)
    form = Form(cart_form.fields_after_button(fields))
    try:
        errors = await _change_lines(visit, shop, cart_form)
    except SignedOut:
        return visit.pages.redirect(CART_PATH, flash="session-over")
    except UpstreamError as error:
        return await _cart_page(visit, shop, _not_changed(form, error))
    if errors:
        return await _cart_page(visit, shop, replace(form, errors=errors))
    if fields.get("then") == "checkout":
        return visit.pages.redirect("/checkout")
    return visit.pages.redirect(CART_PATH, flash=cart_form.flash)


@router.post("/cart/items")
async def add_item(visit: CurrentVisit, shop: CurrentShop) -> Response:
    try:
        fields = await visit.forms.read()
    except StaleForm as stale:
        raise stale.leading_to(_product_page(stale.typed)) from None
    sku, quantity = fields.get("sku", ""), parse_quantity(fields.get("quantity", ""))
    if not is_sku(sku) or not quantity:
        return _not_added(visit, fields, FlashMessage("quantity"), status=422)
    key = add_key(fields.get("key", ""), sku, quantity)

    async def add(_: str | None) -> Cart:
        bearer = await visit.session.bearer_or_guest()
        return await shop.storefront.carts.add(bearer, sku, quantity, key=key)

    try:
        cart = await visit.session.as_caller(add)
    except RequestDeclined as declined:
        return _not_added(visit, fields, FlashMessage(_declined_name(declined)), status=409)
    except SignedOut:
        return _not_added(visit, fields, FlashMessage("session-over"), status=503)
    except UpstreamError as error:
        down = upstream_down(failed_upstream(error, called="cart"))
        return _not_added(visit, fields, down, status=503)
    seen = fields.get("seen", "")
    if seen.isascii() and seen.isdigit() and len(seen) <= 15:
        visit.seen_prices.remember(sku, int(seen))
    return await _added(visit, shop, fields, cart, LineChange(sku, quantity, cart.quantity_of(sku)))


async def _added(
    visit: Visit, shop: Shop, fields: Mapping[str, str], cart: Cart, line: LineChange
) -> Response:
    """A page to go back to; for the page's own script the message, and the key of the next add."""
    added = FlashMessage("added", line)
    if not visit.wants_json:
        back = local_path(fields.get("next", ""), default=CART_PATH)
        return visit.pages.redirect(back, flash=added)
    products = known_products(await shop.storefront.lookup([line.sku], quick=True))
    view = flash_message_view(added, products)
    message = visit.pages.render("flash_message.html", flash=view)
    return _json(visit, {"count": cart.count, "said": message, "key": new_form_key()}, 200)


def _not_added(
    visit: Visit, fields: Mapping[str, str], flash: FlashMessage, *, status: int
) -> Response:
    """The page again, with the quantity that was typed."""
    if visit.wants_json:
        return _json(visit, {"notice": flash.name}, status)
    if status == 503:
        flash = replace(flash, reference=current_context().request_id)
    return visit.pages.redirect(_product_page(fields), flash=flash)


def _json(visit: Visit, body: Mapping[str, Any], status: int) -> Response:
    return visit.with_cookies(JSONResponse(body, status, {"cache-control": "no-store"}))


def _product_page(fields: Mapping[str, str]) -> str:
    """The page that a form for adding was on, with its quantity kept."""
    path = local_path(fields.get("next", ""), default=CART_PATH)
    quantity = fields.get("quantity", "")[:8]
    is_kept = quantity and "?" not in path
    return f"{path}?{urlencode({'quantity': quantity})}" if is_kept else path


async def _change_lines(visit: Visit, shop: Shop, cart_form: CartFormFields) -> Mapping[str, str]:
    """Sets the changed quantities; returns the errors by field. Raises `SignedOut` too."""
    errors = {f"quantity-{sku}": LINE_ERRORS["quantity"] for sku in cart_form.unreadable}

    async def change(bearer: str) -> None:
        for sku, quantity in cart_form.changed.items():
            try:
                await shop.storefront.set_quantity(bearer, sku, quantity)
            except RequestDeclined as declined:
                errors[f"quantity-{sku}"] = LINE_ERRORS[_declined_name(declined)]

    if cart_form.changed:
        await visit.session.as_guest_or_account(change)
    return errors


def _declined_name(declined: RequestDeclined) -> str:
    otherwise = "no-longer-sold" if declined.status == 404 else "quantity"
    return DECLINED_NAMES.get(declined.kind, otherwise)


def _not_changed(form: Form, error: UpstreamError) -> Form:
    return replace(
        form,
        problem=NOT_ANSWERING[failed_upstream(error, called="cart")],
        advice="Not all of it was changed. What you typed is still here: please try again.",
        request_id=current_context().request_id,
    )


async def _cart_page(visit: Visit, shop: Shop, form: Form) -> Response:
    flash = visit.flash.received()
    also = (flash.line.sku,) if flash and flash.line else ()
    cart = await read_cart(visit.session, shop.storefront, also=also)
    if isinstance(cart, MissingPart) and form.values:
        return await _typed_cart_page(visit, shop, form, cart)
    if isinstance(cart, MissingPart):
        empty = {"cart": None, "form": form, "cart_count": None}
        return await visit.pages.show_missing("cart.html", cart, here="cart", **empty)
    view = cart_view(cart, visit.seen_prices.by_sku, form)
    return await visit.pages.show(
        "cart.html",
        status=form.status,
        here="cart",
        cart=view,
        form=form,
        missing=None if form.problem else view.missing,
        cart_count=cart.count,
        flash_products=cart.products,
    )


async def _typed_cart_page(visit: Visit, shop: Shop, form: Form, missing: MissingPart) -> Response:
    """While the cart cannot be read: the lines that the form names, with what was typed."""
    cart = CartFormFields.read(form.values).shown_cart
    skus = [line.sku for line in cart.lines]
    priced = PricedCart(cart, await shop.storefront.lookup(skus, quick=True))
    return await visit.pages.show(
        "cart.html",
        status=503 if form.status == 200 else form.status,
        here="cart",
        cart=cart_view(priced, visit.seen_prices.by_sku, form),
        form=form,
        missing=None if form.problem else missing_part_view(missing),
        cart_count=None,
    )
