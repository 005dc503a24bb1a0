"""Logging in, registering, logging out. What is in a guest's cart comes along."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter

from app.client import UpstreamError
from services.storefront.account_forms import (
    desk_is_down,
    password_errors,
    posted,
    profile_errors,
    refused_fields,
    too_often,
)
from services.storefront.clients import Refusal, SignedOut
from services.storefront.dependencies import (
    CurrentShop,
    CurrentVisit,
    PageVisit,
    Shop,
    Visit,
)
from services.storefront.models import Tokens
from services.storefront.web.forms import Form, required
from services.storefront.web.security import own_path

router = APIRouter(include_in_schema=False)

STALE_ADVICE = "Nothing was done. Please check, type the password, and press the button again."

LOGIN_FIELDS = {"email": "Enter your e-mail address.", "password": "Enter your password."}


@router.get("/login")
async def login_page(visit: PageVisit, next: str = "/") -> Any:
    if await _has_nothing_to_do_here(visit):
        return visit.redirect(own_path(next))
    return await visit.page("login.html", here="account", form=Form(), next=own_path(next))


@router.get("/register")
async def register_page(visit: PageVisit, next: str = "/") -> Any:
    if await _has_nothing_to_do_here(visit):
        return visit.redirect(own_path(next))
    return await visit.page("register.html", here="account", form=Form(), next=own_path(next))


@router.post("/login")
async def log_in(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await posted(visit, if_stale=STALE_ADVICE)
    if form.ok:
        form = form.but(errors=required(form.values, LOGIN_FIELDS))
    return await _enter(visit, shop, form, page="login.html")


@router.post("/register")
async def register(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await posted(visit, if_stale=STALE_ADVICE)
    if form.ok:
        form = form.but(errors=_registration_errors(form.values))
    if not form.ok:
        return await _enter(visit, shop, form, page="register.html")
    made = await _register(visit, shop, form)
    # From here on there is an account: what is missing is to be logged in.
    page = "login.html" if made.ok else "register.html"
    return await _enter(visit, shop, made, page=page, made="Your account is made. ")


@router.post("/logout")
async def log_out(visit: CurrentVisit, shop: CurrentShop) -> Any:
    await visit.form()

    async def close(bearer: str | None) -> None:
        if bearer is not None:
            await shop.storefront.users.log_out(bearer)

    # Whatever the neighbour says, this browser forgets: that is what was asked for.
    with suppress(UpstreamError, SignedOut, Refusal):
        await visit.as_caller(close)
    visit.end()
    visit.forget_prices()
    visit.forget_draft()
    visit.change_form_token()
    return visit.redirect("/", notice="bye")


async def _has_nothing_to_do_here(visit: Visit) -> bool:
    """Whether somebody is logged in, and was not sent here by a page that knows better."""
    try:
        await visit.bearer()
    except UpstreamError:
        return False
    return visit.signed_in and visit.flash() is None


async def _register(visit: Visit, shop: Shop, form: Form) -> Form:
    typed = form.values
    try:
        await shop.storefront.users.register(
            email=typed["email"],
            password=typed["password"],
            name=typed["name"],
            address=visit.address,
        )
    except Refusal as refusal:
        if refusal.status == 409 and isinstance(await _log_in(visit, shop, form), Tokens):
            return form  # the same form, sent twice: who knows the password is who made it
        return _refused_registration(form, refusal)
    except UpstreamError:
        return desk_is_down(form)
    return form


async def _enter(visit: Visit, shop: Shop, form: Form, *, page: str, made: str = "") -> Any:
    """Open a session, take the guest's cart over and go on; the page again if that fails.

    ``made`` is what was done before, to be told with what failed after it.
    """
    tokens = await _log_in(visit, shop, form) if form.ok else form
    if isinstance(tokens, Form):
        shown = tokens.but(advice=f"{made}{tokens.advice}") if form.ok else tokens
        next_path = own_path(shown.values.get("next", ""))
        return await visit.page(
            page, status=shown.status, here="account", form=shown, next=next_path
        )
    notice = await _merge(visit, shop, tokens.access_token)
    visit.begin(tokens)
    visit.change_form_token()
    with suppress(UpstreamError, SignedOut, Refusal):
        visit.call((await shop.storefront.users.account(tokens.access_token)).name)
    return visit.redirect(own_path(form.values.get("next", "")), notice=notice)


async def _log_in(visit: Visit, shop: Shop, form: Form) -> Tokens | Form:
    """The tokens, or the form with what is wrong."""
    typed = form.values
    try:
        return await shop.storefront.users.log_in(
            email=typed["email"], password=typed["password"], address=visit.address
        )
    except SignedOut:
        return _wrong(form)
    except Refusal as refusal:
        return too_often(form, refusal) if refusal.status == 429 else _wrong(form)
    except UpstreamError:
        return desk_is_down(form)


async def _merge(visit: Visit, shop: Shop, bearer: str) -> str:
    """Bring the guest's cart along; the name of the notice that says how that went."""
    try:
        guest_token = await visit.bearer()
        if guest_token is None or visit.signed_in:
            return "welcome"
        brought = await shop.storefront.cart_count(guest_token)
        cart = await shop.storefront.carts.merge(bearer, guest_token=guest_token)
    except (SignedOut, Refusal):
        return "welcome"
    except UpstreamError:
        return "welcome-later"
    if cart.notices:
        return "welcome-cut"
    return "welcome-cart" if brought and cart.count else "welcome"


def _registration_errors(typed: Mapping[str, str]) -> dict[str, str]:
    """All of them at once, as far as they can be seen from here."""
    return profile_errors(typed) | password_errors(typed)


def _refused_registration(form: Form, refusal: Refusal) -> Form:
    if refusal.status == 409:
        taken = "There is an account with this e-mail address. Log in instead?"
        return form.but(errors={"email": taken})
    if refusal.status == 429:
        return too_often(form, refusal)
    return refused_fields(form, refusal)


def _wrong(form: Form) -> Form:
    return form.but(
        trouble="E-mail and password do not belong together.",
        advice="Please check both; capital letters count in the password.",
    )
