"""Checkout: one page, one button, one order."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter

from app.client import UpstreamError
from app.telemetry.context import current_context
from services.storefront import cart_view, order_view, views
from services.storefront.clients import Refusal, SignedOut
from services.storefront.countries import COUNTRIES, WITHOUT_POSTAL_CODES
from services.storefront.dependencies import (
    CurrentShop,
    CurrentVisit,
    Shop,
    StaleForm,
    Visit,
    is_signed_in,
    new_form_key,
)
from services.storefront.models import Address, Money, Order
from services.storefront.price_agreement import SeenLine, changes, pack_agreed, unpack_agreed
from services.storefront.routes.cart import have, read_basket
from services.storefront.service import Outage, missing_neighbour
from services.storefront.web.forms import Form, required, unprintable

router = APIRouter(include_in_schema=False)

ADDRESS_FIELDS = {
    "name": "Enter the name on the door.",
    "line1": "Enter street and number.",
    "postal_code": "Enter the postal code.",
    "city": "Enter the city.",
    "country": "Choose a country.",
}
LONGEST = {"name": 100, "line1": 200, "line2": 200, "postal_code": 20, "city": 100}
ORDER_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
AMOUNT = re.compile(r"[0-9]{1,15}")
CURRENCY = re.compile(r"[A-Z]{3}")
CHANGED = "A price or the stock changed while you were here."
LOOK_AGAIN = "Nothing was ordered. Please look at the new total."
WHETHER_ORDERED: Mapping[str, str] = {
    # These are asked before an order is made; whoever is missing then, there is none.
    "products": "Nothing was ordered.",
    "cart": "Nothing was ordered.",
    "user": "Nothing was ordered this time.",
    "tracking": "We cannot tell yet whether it was ordered.",
}
TOO_MUCH = "Please use fewer, and only printable, characters here."


@router.get("/checkout")
async def checkout_page(visit: CurrentVisit, shop: CurrentShop) -> Any:
    if not await is_signed_in(visit):
        return visit.redirect("/login?next=/checkout", notice="log-in-first")
    return await _checkout(visit, shop, Form(visit.draft or await _known_address(visit, shop)))


async def _known_address(visit: Visit, shop: Shop) -> Mapping[str, str]:
    """Where the last order went, or at least the name of the account."""
    with suppress(SignedOut, UpstreamError):
        last = await visit.as_caller(shop.storefront.last_address)
        if last is not None:
            return last.model_dump(exclude_none=True)
    return {"name": visit.name} if visit.name else {}


@router.post("/checkout")
async def place_order(visit: CurrentVisit, shop: CurrentShop) -> Any:
    """Place the order. Until there is one, what was typed stays, whatever happens."""
    try:
        typed = await visit.form()
    except StaleForm as stale:
        return await _stale(visit, shop, stale)
    visit.keep_draft(typed)
    if typed.get("then") == "rest":
        return await _take_what_is_left(visit, shop, Form(typed))
    key, total = _order_key(typed), _agreed_total(typed)
    form = Form(typed, _address_errors(typed))
    if not form.ok or total is None or key is None:
        return await _checkout(visit, shop, form)

    async def place(bearer: str) -> Order:
        return await shop.storefront.orders.place(
            bearer,
            key=key,
            total=total,
            address=_address(typed),
            timeout=shop.settings.checkout_timeout,
        )

    try:
        order = await visit.as_somebody(place)
    except SignedOut:
        return visit.redirect("/login?next=/checkout", notice="log-in-to-order")
    except Refusal as refusal:
        return await _refused(visit, shop, form, refusal)
    except UpstreamError as error:
        return await _checkout(visit, shop, _unsure(form, error))
    visit.forget_prices()
    visit.forget_draft()
    notice = "ordered" if order.status == "confirmed" else "ordered-pending"
    return visit.redirect(order_view.order_path(order.id), notice=notice)


async def _stale(visit: Visit, shop: Shop, stale: StaleForm) -> Any:
    """A page from before a log-out, most likely: it comes again, or a log-in comes first."""
    if not stale.typed:
        raise stale
    visit.keep_draft(stale.typed)
    if await is_signed_in(visit):
        advice = "Nothing was ordered. Please check, and press the button again."
        form = Form(stale.typed, trouble=stale.title, advice=advice, status=stale.status)
        return await _checkout(visit, shop, form)
    form = Form(
        trouble=stale.title,
        advice="You are logged out, and nothing was ordered. Log in to go on: the address is kept.",
        status=stale.status,
    )
    return await visit.page(
        "login.html", status=form.status, here="account", form=form, next="/checkout"
    )


def _unsure(form: Form, error: UpstreamError) -> Form:
    """Say what is known about the order. The same key makes trying again harmless."""
    missing = missing_neighbour(error, asked="tracking")
    return form.but(
        trouble=views.OUTAGES[missing][0],
        advice=f"{WHETHER_ORDERED[missing]} Your cart is safe. "
        "Press the button again: it will not become two orders.",
        request_id=current_context().request_id,
        status=503,
    )


async def _take_what_is_left(visit: Visit, shop: Shop, form: Form) -> Any:
    """Have no more in the cart than there is, and show what that makes."""
    found = await read_basket(visit, shop)
    short = {} if isinstance(found, Outage) else cart_view.short_lines(found)

    async def lower(bearer: str) -> None:
        for sku, left in short.items():
            await have(shop, bearer, sku, left)

    try:
        if short:
            await visit.as_somebody(lower)
    except SignedOut:
        return visit.redirect("/login?next=/checkout", notice="log-in-to-order")
    except (UpstreamError, Refusal):
        return await _checkout(visit, shop, form)
    advice = "Nothing is ordered yet. Please look at the new total."
    return await _checkout(
        visit,
        shop,
        form.but(trouble="The cart holds what is left.", advice=advice, tone="wait")
        if short
        else form,
        fresh_key=True,
    )


async def _refused(visit: Visit, shop: Shop, form: Form, refusal: Refusal) -> Any:
    """Say why, and give the form back; a new key where what is agreed to has changed."""
    match refusal.kind:
        case "account-required":
            return visit.redirect("/login?next=/checkout", notice="log-in-to-order")
        case "idempotency-key-reused":
            return visit.redirect("/orders", notice="already-ordered")
        case "already-ordered" if refusal.order_id:
            visit.forget_prices()
            visit.forget_draft()
            return visit.redirect(order_view.order_path(refusal.order_id), notice="this-order")
        case "in-progress":
            busy = form.but(
                trouble="We are still working on this order.",
                advice="Press the button again in a moment: it stays one order.",
            )
            return await _checkout(visit, shop, busy)
        case "cart-empty":
            return visit.redirect("/orders", notice="already-ordered")
    if refusal.status == 422:
        fields = [problem.pointer.rpartition("/")[2] for problem in refusal.errors]
        errors = {name: TOO_MUCH for name in (*ADDRESS_FIELDS, "line2") if name in fields}
        again = form.but(errors=errors, trouble="" if errors else "This could not be read.")
        return await _checkout(visit, shop, again)
    declined = form.but(trouble=_trouble(refusal), advice=_advice(refusal))
    return await _checkout(visit, shop, declined, fresh_key=True)


def _trouble(refusal: Refusal) -> str:
    return {
        "quote-changed": CHANGED,
        "out-of-stock": "Somebody was faster: not all of it is left.",
        "payment-declined": "The payment was declined.",
    }.get(refusal.kind, "The order could not be placed.")


def _advice(refusal: Refusal) -> str:
    return {
        "quote-changed": LOOK_AGAIN,
        "out-of-stock": "Nothing was ordered. Please look at what is left.",
        "payment-declined": "Nothing was charged. Nothing was ordered, and your cart is as it was.",
    }.get(refusal.kind, "Nothing was ordered or charged. Please try again.")


async def _checkout(visit: Visit, shop: Shop, form: Form, *, fresh_key: bool = False) -> Any:
    """The page with what was typed. Whatever brings it again, it says what changed since then."""
    seen = unpack_agreed(form.values.get("agreed", ""))
    found = await read_basket(visit, shop, also=tuple(seen))
    missing = found if isinstance(found, Outage) else found.goods
    key = None if fresh_key else _order_key(form.values)
    model: dict[str, Any] = {
        "here": "cart",
        "order_key": key or new_form_key(),
        "countries": COUNTRIES.items(),
    }
    if isinstance(missing, Outage):
        return await _remembered(visit, shop, form, seen, missing, model)
    assert not isinstance(found, Outage)
    notes = changes(seen, found) if seen else ()
    if notes:
        trouble, advice = form.trouble or CHANGED, form.advice or LOOK_AGAIN
        form = form.but(notes=notes, trouble=trouble, advice=advice)
    return await visit.page(
        "checkout.html",
        status=form.status,
        form=form,
        basket=cart_view.basket_page(found, visit.seen_prices),
        agreed=pack_agreed(found.cart.lines, found.known),
        missing=None,
        cart_count=found.cart.count,
        **model,
    )


async def _remembered(
    visit: Visit,
    shop: Shop,
    form: Form,
    seen: Mapping[str, SeenLine],
    missing: Outage,
    model: Mapping[str, Any],
) -> Any:
    """The page as the shopper saw it last: they can press the button again."""
    total = _agreed_total(form.values)
    if total is None:
        return await visit.outage(
            "checkout.html", missing, form=form, basket=None, cart_count=None, **model
        )
    # Products that did not answer just now would only keep the page waiting once more.
    can_ask = seen and missing.neighbour != "products"
    goods = await shop.storefront.goods(list(seen)) if can_ask else missing
    known = {} if isinstance(goods, Outage) else goods.by_sku
    return await visit.page(
        "checkout.html",
        status=503,
        form=form,
        basket=cart_view.remembered_page(seen, total, known),
        agreed=form.values.get("agreed", ""),
        missing=None if form.trouble else views.missing(missing),
        cart_count=None,
        **model,
    )


def _order_key(typed: Mapping[str, str]) -> str | None:
    key = typed.get("order_key", "")
    return key if ORDER_KEY.fullmatch(key) else None


def _agreed_total(typed: Mapping[str, str]) -> Money | None:
    """What the page said it costs; None if that is not an amount."""
    amount, currency = typed.get("amount", ""), typed.get("currency", "")
    if not (AMOUNT.fullmatch(amount) and CURRENCY.fullmatch(currency)):
        return None
    return Money(amount=int(amount), currency=currency)


def _address(typed: Mapping[str, str]) -> Address:
    return Address(
        name=typed["name"],
        line1=typed["line1"],
        line2=typed.get("line2") or None,
        city=typed["city"],
        postal_code=typed.get("postal_code") or None,
        country=typed["country"],
    )


def _address_errors(typed: Mapping[str, str]) -> dict[str, str]:
    errors = required(typed, ADDRESS_FIELDS)
    if typed.get("country") in WITHOUT_POSTAL_CODES:
        errors.pop("postal_code", None)
    for name, longest in LONGEST.items():
        if len(typed.get(name, "")) > longest:
            errors[name] = f"Please use at most {longest} characters."
    errors |= unprintable(typed, LONGEST, TOO_MUCH)
    if "country" not in errors and typed["country"] not in COUNTRIES:
        errors["country"] = ADDRESS_FIELDS["country"]
    return errors
