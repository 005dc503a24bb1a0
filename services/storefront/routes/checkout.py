"""Checkout: one page, one button, one order."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from app.client import UpstreamError
from app.telemetry.context import current
from services.storefront import parcels, till, views
from services.storefront.clients import Refusal, SignedOut
from services.storefront.countries import COUNTRIES, WITHOUT_POSTAL_CODES
from services.storefront.dependencies import (
    CurrentShop,
    CurrentVisit,
    Shop,
    Visit,
    is_signed_in,
    new_form_key,
)
from services.storefront.models import Address, Money, Order
from services.storefront.routes.cart import read_basket
from services.storefront.service import Outage
from services.storefront.web.forms import Form, required

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
TOO_MUCH = "Please use fewer, and only printable, characters here."


@router.get("/checkout")
async def checkout_page(visit: CurrentVisit, shop: CurrentShop) -> Any:
    if not await is_signed_in(visit):
        return visit.redirect("/login?next=/checkout", notice="log-in-first")
    return await _checkout(visit, shop, Form())


@router.post("/checkout")
async def place_order(visit: CurrentVisit, shop: CurrentShop) -> Any:
    typed = await visit.form()
    key, total = typed.get("order_key", ""), _agreed_total(typed)
    form = Form(typed, _address_errors(typed))
    if not form.ok or total is None or not ORDER_KEY.fullmatch(key):
        return await _checkout(visit, shop, form)

    async def place(bearer: str | None) -> Order:
        if bearer is None:
            raise SignedOut
        return await shop.storefront.orders.place(
            bearer,
            key=key,
            total=total,
            address=_address(typed),
            timeout=shop.settings.checkout_timeout,
        )

    try:
        order = await visit.as_caller(place)
    except SignedOut:
        return visit.redirect("/login?next=/checkout", notice="log-in-first")
    except Refusal as refusal:
        return await _refused(visit, shop, form, refusal)
    except UpstreamError:
        # Nobody knows whether it was placed: the same key makes trying again harmless.
        unsure = form.but(
            trouble="The order desk is not answering.",
            advice="Your cart is safe. Press the button again: it will not become two orders.",
            request_id=current().request_id,
        )
        return await _checkout(visit, shop, unsure, key=key)
    visit.forget_prices()
    notice = "ordered" if order.status == "confirmed" else "ordered-pending"
    return visit.redirect(parcels.order_path(order.id), notice=notice)


async def _refused(visit: Visit, shop: Shop, form: Form, refusal: Refusal) -> Any:
    """Say why, and give the form back; a new key, as what is agreed to has changed."""
    match refusal.kind:
        case "account-required":
            return visit.redirect("/login?next=/checkout", notice="log-in-first")
        case "idempotency-key-reused":
            return visit.redirect("/orders", notice="already-ordered")
        case "already-ordered" if refusal.order_id:
            visit.forget_prices()
            return visit.redirect(parcels.order_path(refusal.order_id), notice="this-order")
        case "in-progress":
            busy = form.but(
                trouble="We are still working on this order.",
                advice="Press the button again in a moment: it stays one order.",
            )
            return await _checkout(visit, shop, busy, key=form.values.get("order_key"))
        case "cart-empty":
            return visit.redirect("/orders", notice="already-ordered")
    if refusal.status == 422:
        fields = [problem.pointer.rpartition("/")[2] for problem in refusal.errors]
        errors = {name: TOO_MUCH for name in (*ADDRESS_FIELDS, "line2") if name in fields}
        again = form.but(errors=errors, trouble="" if errors else "This could not be read.")
        return await _checkout(visit, shop, again)
    return await _checkout(
        visit, shop, form.but(trouble=_trouble(refusal), advice=_advice(refusal))
    )


def _trouble(refusal: Refusal) -> str:
    return {
        "quote-changed": "A price or the stock changed while you were here.",
        "out-of-stock": "Somebody was faster: not all of it is left.",
        "payment-declined": "The payment was declined.",
    }.get(refusal.kind, "The order could not be placed.")


def _advice(refusal: Refusal) -> str:
    return {
        "quote-changed": "Nothing was ordered. Please look at the new total.",
        "out-of-stock": "Nothing was ordered. Please look at your cart.",
        "payment-declined": "Nothing was charged. Your cart is as it was.",
    }.get(refusal.kind, "Nothing was charged. Please try again.")


async def _checkout(visit: Visit, shop: Shop, form: Form, *, key: str | None = None) -> Any:
    basket = await read_basket(visit, shop)
    if isinstance(basket, Outage):
        return await visit.page(
            "checkout.html",
            here="cart",
            form=form,
            missing=views.missing(basket),
            cart_count=None,
        )
    page = till.basket_page(basket, visit.seen_prices)
    return await visit.page(
        "checkout.html",
        here="cart",
        form=form,
        basket=page,
        missing=page.missing,
        order_key=key or new_form_key(),
        countries=COUNTRIES.items(),
        cart_count=basket.cart.count,
    )


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
    if "country" not in errors and typed["country"] not in COUNTRIES:
        errors["country"] = ADDRESS_FIELDS["country"]
    return errors
