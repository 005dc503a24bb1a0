"""Logging in, registering, logging out. A guest's cart is merged into the account's."""

from contextlib import suppress
from dataclasses import replace

from fastapi import APIRouter, Response

from app.client import UpstreamError
from services.storefront.clients import RequestDeclined, SignedOut
from services.storefront.dependencies import CurrentShop, CurrentVisit, PageVisit, Shop
from services.storefront.forms.account_forms import (
    LogInForm,
    RegistrationForm,
    too_many_attempts,
    user_service_down,
)
from services.storefront.forms.validation import validate_form, with_declined_fields
from services.storefront.models import Tokens
from services.storefront.view_models.form import Form
from services.storefront.visit.visit import Visit
from services.storefront.web.local_paths import local_path

router = APIRouter(include_in_schema=False)

STALE_ADVICE = "Nothing was done. Please check, type the password, and press the button again."


@router.get("/login")
async def login_page(visit: PageVisit, next: str = "/") -> Response:
    if await _needs_no_login(visit):
        return visit.pages.redirect(local_path(next))
    return await _page(visit, "login.html", Form(), next_path=next)


@router.get("/register")
async def register_page(visit: PageVisit, next: str = "/") -> Response:
    if await _needs_no_login(visit):
        return visit.pages.redirect(local_path(next))
    return await _page(visit, "register.html", Form(), next_path=next)


@router.post("/login")
async def log_in(visit: CurrentVisit, shop: CurrentShop) -> Response:
    form = await visit.forms.read_or_stale(stale_advice=STALE_ADVICE)
    if not form.is_valid:
        return await _page(visit, "login.html", form)
    login = validate_form(form, LogInForm)
    if isinstance(login, Form):
        return await _page(visit, "login.html", login)
    tokens = await _log_in(visit, shop, form)
    if isinstance(tokens, Form):
        return await _page(visit, "login.html", tokens)
    return await _enter(visit, shop, tokens, form)


@router.post("/register")
async def register(visit: CurrentVisit, shop: CurrentShop) -> Response:
    form = await visit.forms.read_or_stale(stale_advice=STALE_ADVICE)
    if not form.is_valid:
        return await _page(visit, "register.html", form)
    registration = validate_form(form, RegistrationForm)
    if isinstance(registration, Form):
        return await _page(visit, "register.html", registration)
    declined = await _register(visit, shop, form, registration)
    if declined is not None:
        return await _page(visit, "register.html", declined)
    tokens = await _log_in(visit, shop, form)
    if isinstance(tokens, Form):
        # There is an account now: what is left to do is to log in.
        failed = replace(tokens, advice=f"Your account is made. {tokens.advice}")
        return await _page(visit, "login.html", failed)
    return await _enter(visit, shop, tokens, form)


@router.post("/logout")
async def log_out(visit: CurrentVisit, shop: CurrentShop) -> Response:
    await visit.forms.read()

    async def end_session(bearer: str | None) -> None:
        if bearer is not None:
            await shop.storefront.users.log_out(bearer)

    # This browser forgets its session even if the user service cannot end it now.
    with suppress(UpstreamError, SignedOut, RequestDeclined):
        await visit.session.as_caller(end_session)
    visit.session.end()
    visit.forget_checkout()
    visit.form_token.replace()
    return visit.pages.redirect("/", flash="bye")


async def _needs_no_login(visit: Visit) -> bool:
    """Whether somebody is logged in, and was not redirected here with a flash message to log in."""
    try:
        await visit.session.bearer()
    except UpstreamError:
        return False
    return visit.session.is_signed_in and visit.flash.received() is None


async def _page(
    visit: Visit, template: str, form: Form, *, next_path: str | None = None
) -> Response:
    next_path = form.values.get("next", "") if next_path is None else next_path
    return await visit.pages.show(
        template, status=form.status, here="account", form=form, next=local_path(next_path)
    )


async def _register(
    visit: Visit, shop: Shop, form: Form, registration: RegistrationForm
) -> Form | None:
    """None, or the form with what is wrong."""
    try:
        await shop.storefront.users.register(
            email=registration.email,
            password=registration.password,
            name=registration.name,
            client_address=visit.client_address,
        )
    except RequestDeclined as declined:
        if declined.status == 409 and isinstance(await _log_in(visit, shop, form), Tokens):
            return None  # the same form, sent twice: who knows the password made the account
        return _declined_registration(form, declined)
    except UpstreamError:
        return user_service_down(form)
    return None


def _declined_registration(form: Form, declined: RequestDeclined) -> Form:
    if declined.status == 409:
        taken = "There is an account with this e-mail address. Log in instead?"
        return replace(form, errors={"email": taken})
    if declined.status == 429:
        return too_many_attempts(form, declined)
    return with_declined_fields(form, declined, RegistrationForm)


async def _log_in(visit: Visit, shop: Shop, form: Form) -> Tokens | Form:
    """The tokens, or the form with what is wrong."""
    try:
        return await shop.storefront.users.log_in(
            email=form.values["email"],
            password=form.values["password"],
            client_address=visit.client_address,
        )
    except SignedOut:
        return _wrong_password(form)
    except RequestDeclined as declined:
        if declined.status == 429:
            return too_many_attempts(form, declined)
        return _wrong_password(form)
    except UpstreamError:
        return user_service_down(form)


def _wrong_password(form: Form) -> Form:
    return replace(
        form,
        problem="E-mail and password do not belong together.",
        advice="Please check both; capital letters count in the password.",
    )


async def _enter(visit: Visit, shop: Shop, tokens: Tokens, form: Form) -> Response:
    """Start the session, take the guest's cart over, and go on."""
    flash = await _merge_cart(visit, shop, tokens.access_token)
    visit.session.start(tokens)
    visit.form_token.replace()
    with suppress(UpstreamError, SignedOut, RequestDeclined):
        account = await shop.storefront.users.account(tokens.access_token)
        visit.session.remember_name(account.name)
    return visit.pages.redirect(local_path(form.values.get("next", "")), flash=flash)


async def _merge_cart(visit: Visit, shop: Shop, bearer: str) -> str:
    """Merge the guest's cart; returns the name of the flash message about it."""
    try:
        guest_token = await visit.session.bearer()
        if guest_token is None or visit.session.is_signed_in:
            return "welcome"
        brought = await shop.storefront.cart_count(guest_token)
        cart = await shop.storefront.carts.merge(bearer, guest_token=guest_token)
    except (SignedOut, RequestDeclined):
        return "welcome"
    except UpstreamError:
        return "welcome-later"
    if cart.notices:
        return "welcome-cut"
    return "welcome-cart" if brought and cart.count else "welcome"
