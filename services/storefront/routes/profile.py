"""The account: who it belongs to, and what its owner changes."""

from collections.abc import Awaitable, Callable
from typing import Any

import idna
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
from services.storefront.models import Account
from services.storefront.service import Outage
from services.storefront.web.forms import Form, required

router = APIRouter(include_in_schema=False)

STALE_ADVICE = "Nothing was changed. Please check, and press the button again."

WRONG_PASSWORD = "This is not your password. Capital letters count."


@router.get("/account")
async def show_account(visit: PageVisit, shop: CurrentShop) -> Any:
    return await _account_page(visit, shop)


@router.post("/account")
async def change_profile(visit: CurrentVisit, shop: CurrentShop) -> Any:
    """Have another name, or with the password another e-mail address."""
    form = await posted(visit, if_stale=STALE_ADVICE)
    typed = form.values
    errors = profile_errors(typed)
    if not form.ok or errors:
        return await _account_page(visit, shop, profile=form.but(errors=errors))

    async def change(bearer: str) -> Account:
        changes = {"name": typed["name"]}
        if typed["email"] != _readable((await shop.storefront.users.account(bearer)).email):
            changes["email"] = typed["email"]
        if typed.get("current_password"):
            changes["current_password"] = typed["current_password"]
        return await shop.storefront.users.change(bearer, address=visit.address, **changes)

    changed = await _change(visit, form, change, password_field="current_password")
    if isinstance(changed, Form):
        return await _account_page(visit, shop, profile=changed)
    if changed is None:
        return visit.redirect("/login?next=/account", notice="session-over")
    visit.call(changed.name)
    return visit.redirect("/account", notice="account-changed")


@router.post("/account/password")
async def change_password(visit: CurrentVisit, shop: CurrentShop) -> Any:
    form = await posted(visit, if_stale=STALE_ADVICE)
    typed = form.values
    errors = required(typed, {"old_password": "Enter the password you have."})
    errors |= password_errors(typed)
    if not form.ok or errors:
        return await _account_page(visit, shop, secret=form.but(errors=errors))

    async def change(bearer: str) -> Account:
        return await shop.storefront.users.change(
            bearer,
            address=visit.address,
            password=typed["password"],
            current_password=typed["old_password"],
        )

    changed = await _change(visit, form, change, password_field="old_password")
    if isinstance(changed, Form):
        return await _account_page(visit, shop, secret=changed)
    if changed is None:
        return visit.redirect("/login?next=/account", notice="session-over")
    return visit.redirect("/account", notice="password-changed")


async def _account_page(
    visit: Visit, shop: Shop, *, profile: Form | None = None, secret: Form | None = None
) -> Any:
    async def read(bearer: str) -> Account | Outage:
        return await shop.storefront.attempt("user", shop.storefront.users.account(bearer))

    found = await visit.as_account(read)
    if found is None:
        return visit.redirect("/login?next=/account", notice="log-in-first")
    status = max((form.status for form in (profile, secret) if form is not None), default=200)
    if isinstance(found, Outage):
        if profile is None and secret is None:
            return await visit.outage("account.html", found, here="account")
        # What was typed stays, although nobody can tell what there was before.
        found = Account(id="unknown", name=visit.name)
    shown = {"name": found.name, "email": _readable(found.email)}
    return await visit.page(
        "account.html",
        status=status,
        here="account",
        account=shown,
        profile=profile or Form(shown),
        secret=secret or Form(),
        missing=None,
    )


async def _change(
    visit: Visit, form: Form, change: Callable[[str], Awaitable[Account]], *, password_field: str
) -> Account | Form | None:
    """The changed account, or the form with what is wrong; None when the session is over."""
    try:
        return await visit.as_somebody(change)
    except SignedOut:
        return None
    except UpstreamError:
        return desk_is_down(form)
    except Refusal as refusal:
        return _refused(form, refusal, password_field)


def _refused(form: Form, refusal: Refusal, password_field: str) -> Form:
    if refusal.kind == "wrong-password":
        return form.but(errors={password_field: WRONG_PASSWORD})
    if refusal.status == 409:
        return form.but(errors={"email": "There is another account with this e-mail address."})
    if refusal.status == 429:
        return too_often(form, refusal)
    if any(problem.pointer == "/current_password" for problem in refusal.errors):
        return form.but(errors={password_field: "Another e-mail address needs your password."})
    return refused_fields(form, refusal)


def _readable(email: str) -> str:
    """The address with its domain as people write it."""
    mailbox, _, domain = email.rpartition("@")
    try:
        return f"{mailbox}@{idna.decode(domain)}" if "xn--" in domain else email
    except idna.IDNAError:
        return email
