"""Logging in, registering, logging out. What is in a guest's cart comes along."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter

from app.client import UpstreamError
from app.telemetry.context import current
from services.storefront.clients import Refusal, SignedOut
from services.storefront.dependencies import (
    CurrentShop,
    CurrentVisit,
    PageVisit,
    Shop,
    StaleForm,
    Visit,
)
from services.storefront.models import Tokens
from services.storefront.web.forms import Form, required
from services.storefront.web.safety import own_path

router = APIRouter(include_in_schema=False)

LOGIN_FIELDS = {"email": "Enter your e-mail address.", "password": "Enter your password."}
REGISTER_FIELDS = {"name": "Enter a name.", "email": "Enter an e-mail address."}
FIELD_ADVICE = {
    "name": "Enter a name of up to 80 characters.",
    "email": "Enter an e-mail address like somebody@example.com.",
    "password": "Choose another password: 8 to 256 characters, not your e-mail address.",
}
SHORTEST_PASSWORD = 8


@router.get("/login")
async def login_page(visit: PageVisit, next: str = "/") -> Any:
    return await visit.page("login.html", here="account", form=Form(), next=own_path(next))


@router.get("/register")
async def register_page(visit: PageVisit, next: str = "/") -> Any:
    return await visit.page("register.html", here="account", form=Form(), next=own_path(next))


@router.post("/login")
async def log_in(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await _posted(visit)
    if form.ok:
        form = form.but(errors=required(form.values, LOGIN_FIELDS))
    return await _enter(visit, shop, form, page="login.html")


@router.post("/register")
async def register(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await _posted(visit)
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


async def _posted(visit: Visit) -> Form:
    """What was typed; with the trouble, if the form is from a page that is too old."""
    try:
        return Form(await visit.form())
    except StaleForm as stale:
        if not stale.typed:
            raise
        advice = "Nothing was done. Please check, type the password, and press the button again."
        return Form(stale.typed, trouble=stale.title, advice=advice, status=stale.status)


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
        return _refused_registration(form, refusal)
    except UpstreamError:
        return _desk_is_down(form)
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
        return _too_often(form, refusal) if refusal.status == 429 else _wrong(form)
    except UpstreamError:
        return _desk_is_down(form)


async def _merge(visit: Visit, shop: Shop, bearer: str) -> str:
    """Bring the guest's cart along; the name of the notice that says how that went."""
    try:
        guest_token = await visit.bearer()
        if guest_token is None or visit.signed_in:
            return "welcome"
        cart = await shop.storefront.carts.merge(bearer, guest_token=guest_token)
    except (SignedOut, Refusal):
        return "welcome"
    except UpstreamError:
        return "welcome-later"
    return "welcome-cut" if cart.notices else "welcome"


def _registration_errors(typed: Mapping[str, str]) -> dict[str, str]:
    errors = required(typed, REGISTER_FIELDS)
    if len(typed.get("password", "")) < SHORTEST_PASSWORD:
        errors["password"] = f"Choose a password of at least {SHORTEST_PASSWORD} characters."
    return errors


def _refused_registration(form: Form, refusal: Refusal) -> Form:
    if refusal.status == 409:
        taken = "There is an account with this e-mail address. Log in instead?"
        return form.but(errors={"email": taken})
    if refusal.status == 429:
        return _too_often(form, refusal)
    fields = [problem.pointer.removeprefix("/") for problem in refusal.errors]
    errors = {name: FIELD_ADVICE[name] for name in FIELD_ADVICE if name in fields}
    return form.but(errors=errors, trouble="" if errors else "This could not be read.")


def _wrong(form: Form) -> Form:
    return form.but(
        trouble="E-mail and password do not belong together.",
        advice="Please check both; capital letters count in the password.",
    )


def _too_often(form: Form, refusal: Refusal) -> Form:
    seconds = refusal.retry_after
    wait = f"in {seconds} seconds" if seconds.isdigit() else "in a minute"
    return form.but(trouble="That was tried often just now.", advice=f"Please try again {wait}.")


def _desk_is_down(form: Form) -> Form:
    return form.but(
        trouble="The front desk is not answering.",
        advice="Your cart is safe. Please try again in a moment.",
        request_id=current().request_id,
        status=503,
    )
