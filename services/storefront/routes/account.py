"""The account: who it belongs to, and what its owner changes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import idna
from fastapi import APIRouter, Response

from app.client import UpstreamError
from services.storefront.clients import RequestDeclined, SignedOut
from services.storefront.dependencies import CurrentShop, CurrentVisit, PageVisit, Shop
from services.storefront.forms.account_forms import (
    PasswordForm,
    ProfileForm,
    too_many_attempts,
    user_service_down,
)
from services.storefront.forms.validation import validate_form, with_declined_fields
from services.storefront.models import Account
from services.storefront.page_parts import MissingPart
from services.storefront.paths import login_path
from services.storefront.view_models.form import Form
from services.storefront.visit.visit import Visit

router = APIRouter(include_in_schema=False)

LOGIN = login_path(next_path="/account")
STALE_ADVICE = "Nothing was changed. Please check, and press the button again."
WRONG_PASSWORD = "This is not your password. Capital letters count."


@router.get("/account")
async def show_account(visit: PageVisit, shop: CurrentShop) -> Response:
    return await _account_page(visit, shop)


@router.post("/account")
async def change_profile(visit: CurrentVisit, shop: CurrentShop) -> Response:
    """Another name, or with the password another e-mail address."""
    form = await visit.forms.read_or_stale(stale_advice=STALE_ADVICE)
    profile = validate_form(form, ProfileForm)
    if isinstance(profile, Form):
        return await _account_page(visit, shop, profile=profile)

    async def change(bearer: str) -> Account:
        changes = {"name": profile.name}
        if profile.email != _readable((await shop.storefront.users.account(bearer)).email):
            changes["email"] = profile.email
        if profile.current_password:
            changes["current_password"] = profile.current_password
        return await shop.storefront.users.change(
            bearer, client_address=visit.client_address, **changes
        )

    changed = await _change(visit, form, change, password_field="current_password")
    if isinstance(changed, Form):
        return await _account_page(visit, shop, profile=changed)
    if changed is None:
        return visit.pages.redirect(LOGIN, flash="session-over")
    visit.session.remember_name(changed.name)
    return visit.pages.redirect("/account", flash="account-changed")


@router.post("/account/password")
async def change_password(visit: CurrentVisit, shop: CurrentShop) -> Response:
    form = await visit.forms.read_or_stale(stale_advice=STALE_ADVICE)
    passwords = validate_form(form, PasswordForm)
    if isinstance(passwords, Form):
        return await _account_page(visit, shop, password=passwords)

    async def change(bearer: str) -> Account:
        return await shop.storefront.users.change(
            bearer,
            client_address=visit.client_address,
            password=passwords.password,
            current_password=passwords.old_password,
        )

    changed = await _change(visit, form, change, password_field="old_password")
    if isinstance(changed, Form):
        return await _account_page(visit, shop, password=changed)
    if changed is None:
        return visit.pages.redirect(LOGIN, flash="session-over")
    return visit.pages.redirect("/account", flash="password-changed")


async def _account_page(
    visit: Visit, shop: Shop, *, profile: Form | None = None, password: Form | None = None
) -> Response:
    found = await visit.session.as_account(shop.storefront.account)
    if found is None:
        return visit.pages.redirect(LOGIN, flash="log-in-first")
    status = max((form.status for form in (profile, password) if form is not None), default=200)
    if isinstance(found, MissingPart):
        if profile is None and password is None:
            return await visit.pages.show_missing("account.html", found, here="account")
        # What was typed is kept, although the account cannot be read.
        found = Account(id="unknown", name=visit.session.name)
    shown = {"name": found.name, "email": _readable(found.email)}
    return await visit.pages.show(
        "account.html",
        status=status,
        here="account",
        account=shown,
        profile=profile or Form(shown),
        password=password or Form(),
        missing=None,
    )


async def _change(
    visit: Visit, form: Form, change: Callable[[str], Awaitable[Account]], *, password_field: str
) -> Account | Form | None:
    """The changed account, or the form with what is wrong; None when the session is over."""
    try:
        return await visit.session.as_guest_or_account(change)
    except SignedOut:
        return None
    except UpstreamError:
        return user_service_down(form)
    except RequestDeclined as declined:
        return _declined(form, declined, password_field)


def _declined(form: Form, declined: RequestDeclined, password_field: str) -> Form:
    if declined.kind == "wrong-password":
        return replace(form, errors={password_field: WRONG_PASSWORD})
    if declined.status == 409:
        taken = "There is another account with this e-mail address."
        return replace(form, errors={"email": taken})
    if declined.status == 429:
        return too_many_attempts(form, declined)
    if any(problem.pointer == "/current_password" for problem in declined.errors):
        needed = "Another e-mail address needs your password."
        return replace(form, errors={password_field: needed})
    model = PasswordForm if password_field == "old_password" else ProfileForm
    return with_declined_fields(form, declined, model)


def _readable(email: str) -> str:
    """The address with its domain as people write it."""
    mailbox, _, domain = email.rpartition("@")
    try:
        return f"{mailbox}@{idna.decode(domain)}" if "xn--" in domain else email
    except idna.IDNAError:
        return email
