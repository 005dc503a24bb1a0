"""Checkout: one page, one button, one order."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from fastapi import APIRouter, Response

from app.client import UpstreamError
from app.telemetry.context import current_context
from services.storefront.clients import RequestDeclined, SignedOut
from services.storefront.countries import COUNTRIES
from services.storefront.dependencies import CurrentShop, CurrentVisit, Shop
from services.storefront.forms.checkout_form import AddressForm, agreed_total, order_key, snapshot
from services.storefront.forms.validation import validate_form, with_declined_fields
from services.storefront.idempotency_keys import new_form_key
from services.storefront.models import Lookup, Order
from services.storefront.page_parts import MissingPart, failed_upstream
from services.storefront.paths import login_path, order_path
from services.storefront.service import PricedCart, known_products
from services.storefront.view_models.cart import cart_view, snapshot_view
from services.storefront.view_models.checkout_snapshot import changes_since, pack_snapshot
from services.storefront.view_models.form import Form
from services.storefront.view_models.missing_parts import NOT_ANSWERING, missing_part_view
from services.storefront.view_models.order_problems import (
    CHANGED,
    LOOK_AGAIN,
    declined_order,
    unknown_outcome,
)
from services.storefront.visit.carts import read_cart
from services.storefront.visit.posted_forms import StaleForm
from services.storefront.visit.visit import Visit

router = APIRouter(include_in_schema=False)

LOGIN = login_path(next_path="/checkout")


@router.get("/checkout")
async def checkout_page(visit: CurrentVisit, shop: CurrentShop) -> Response:
    if not await visit.session.may_be_signed_in():
        return visit.pages.redirect(LOGIN, flash="log-in-first")
    address = visit.address_draft.fields or await _known_address(visit, shop)
    return await _checkout(visit, shop, Form(address))


async def _known_address(visit: Visit, shop: Shop) -> Mapping[str, str]:
    """Where the last order went, or at least the name of the account."""
    with suppress(SignedOut, UpstreamError):
        last = await visit.session.as_caller(shop.storefront.last_address)
        if last is not None:
            return last.model_dump(exclude_none=True)
    return {"name": visit.session.name} if visit.session.name else {}


@router.post("/checkout")
async def place_order(visit: CurrentVisit, shop: CurrentShop) -> Response:
    """Place the order. Until there is one, what was typed is kept, whatever fails."""
    try:
        form = Form(await visit.forms.read())
    except StaleForm as stale:
        return await _stale(visit, shop, stale)
    visit.address_draft.keep(form.values)
    if form.values.get("then") == "rest":
        return await _take_what_is_left(visit, shop, form)
    key, total = order_key(form.values), agreed_total(form.values)
    address_form = validate_form(form, AddressForm)
    if isinstance(address_form, Form):
        return await _checkout(visit, shop, address_form)
    if key is None or total is None:
        return await _checkout(visit, shop, form)

    async def place(bearer: str) -> Order:
        return await shop.storefront.orders.place(
            bearer,
            key=key,
            total=total,
            address=address_form.address,
            timeout=shop.settings.checkout_timeout,
        )

    try:
        order = await visit.session.as_guest_or_account(place)
    except SignedOut:
        return visit.pages.redirect(LOGIN, flash="log-in-to-order")
    except RequestDeclined as declined:
        return await _declined(visit, shop, form, declined)
    except UpstreamError as error:
        return await _checkout(visit, shop, _unknown_outcome(form, error))
    visit.forget_checkout()
    flash = "ordered" if order.status == "confirmed" else "ordered-pending"
    return visit.pages.redirect(order_path(order.id), flash=flash)


async def _stale(visit: Visit, shop: Shop, stale: StaleForm) -> Response:
    """Usually a page from before a log-out: shows it again, or the log-in first."""
    if not stale.typed:
        raise stale
    visit.address_draft.keep(stale.typed)
    if await visit.session.may_be_signed_in():
        advice = "Nothing was ordered. Please check, and press the button again."
        form = Form(stale.typed, problem=stale.title, advice=advice, status=stale.status)
        return await _checkout(visit, shop, form)
    form = Form(
        problem=stale.title,
        advice="You are logged out, and nothing was ordered. Log in to go on: the address is kept.",
        status=stale.status,
    )
    return await visit.pages.show(
        "login.html", status=form.status, here="account", form=form, next="/checkout"
    )


def _unknown_outcome(form: Form, error: UpstreamError) -> Form:
    failed = failed_upstream(error, called="tracking")
    return replace(
        form,
        problem=NOT_ANSWERING[failed],
        advice=unknown_outcome(failed),
        request_id=current_context().request_id,
        status=503,
    )


async def _take_what_is_left(visit: Visit, shop: Shop, form: Form) -> Response:
    """Lower the quantities to what is in stock, and show the new total."""
    cart = await read_cart(visit.session, shop.storefront)
    short_stock = {} if isinstance(cart, MissingPart) else cart.short_stock

    async def lower(bearer: str) -> None:
        for sku, left in short_stock.items():
            await shop.storefront.set_quantity(bearer, sku, left)

    try:
        if short_stock:
            await visit.session.as_guest_or_account(lower)
    except SignedOut:
        return visit.pages.redirect(LOGIN, flash="log-in-to-order")
    except (UpstreamError, RequestDeclined):
        return await _checkout(visit, shop, form)
    if short_stock:
        advice = "Nothing is ordered yet. Please look at the new total."
        form = replace(form, problem="The cart holds what is left.", advice=advice, tone="wait")
    return await _checkout(visit, shop, form, is_new_order=True)


async def _declined(visit: Visit, shop: Shop, form: Form, declined: RequestDeclined) -> Response:
    """Show the form with the reason, and with a new key if the order itself has to change."""
    match declined.kind:
        case "account-required":
            return visit.pages.redirect(LOGIN, flash="log-in-to-order")
        case "idempotency-key-reused" | "cart-empty":
            return visit.pages.redirect("/orders", flash="already-ordered")
        case "already-ordered" if declined.order_id:
            visit.forget_checkout()
            return visit.pages.redirect(order_path(declined.order_id), flash="this-order")
        case "in-progress":
            busy = replace(
                form,
                problem="We are still working on this order.",
                advice="Press the button again in a moment: it stays one order.",
            )
            return await _checkout(visit, shop, busy)
    if declined.is_invalid:
        return await _checkout(visit, shop, with_declined_fields(form, declined, AddressForm))
    problem, advice = declined_order(declined.kind)
    form = replace(form, problem=problem, advice=advice)
    return await _checkout(visit, shop, form, is_new_order=True)


async def _checkout(
    visit: Visit, shop: Shop, form: Form, *, is_new_order: bool = False
) -> Response:
    """The page with what was typed, and with what changed since it was shown before.

    A new order has a new idempotency key.
    """
    shown = snapshot(form.values)
    cart = await read_cart(visit.session, shop.storefront, also=tuple(shown))
    key = (None if is_new_order else order_key(form.values)) or new_form_key()
    if isinstance(cart, MissingPart):
        return await _checkout_before(visit, shop, form, missing=cart, key=key)
    if isinstance(cart.lookup, MissingPart):
        return await _checkout_before(visit, shop, form, missing=cart.lookup, key=key)
    changes = changes_since(shown, cart) if shown else ()
    if changes:
        problem, advice = form.problem or CHANGED, form.advice or LOOK_AGAIN
        form = replace(form, details=changes, problem=problem, advice=advice)
    return await _show(visit, form, cart, key=key)


async def _show(visit: Visit, form: Form, cart: PricedCart, *, key: str) -> Response:
    return await visit.pages.show(
        "checkout.html",
        status=form.status,
        here="cart",
        form=form,
        cart=cart_view(cart, visit.seen_prices.by_sku),
        agreed=pack_snapshot(cart.lines, cart.products),
        order_key=key,
        countries=COUNTRIES.items(),
        missing=None,
        cart_count=cart.count,
    )


async def _checkout_before(
    visit: Visit, shop: Shop, form: Form, *, missing: MissingPart, key: str
) -> Response:
    """The page as it was shown before: the shopper can press the button again."""
    total, shown = agreed_total(form.values), snapshot(form.values)
    if total is None:
        empty = {"cart": None, "order_key": key, "countries": (), "cart_count": None}
        return await visit.pages.show_missing(
            "checkout.html", missing, here="cart", form=form, **empty
        )
    # Products that did not come just now would only keep the page waiting once more.
    lookup: Lookup | MissingPart = missing
    if missing.upstream != "products":
        lookup = await shop.storefront.lookup(list(shown), quick=True)
    return await visit.pages.show(
        "checkout.html",
        status=503,
        here="cart",
        form=form,
        cart=snapshot_view(shown, total, known_products(lookup)),
        agreed=form.values.get("agreed", ""),
        order_key=key,
        countries=COUNTRIES.items(),
        missing=None if form.problem else missing_part_view(missing),
        cart_count=None,
    )
