"""What is wrong with a form about an account, in words, and all of it at once."""

import re
from collections.abc import Mapping

from app.telemetry.context import current_context
from services.storefront.clients import Refusal
from services.storefront.dependencies import StaleForm, Visit
from services.storefront.web.forms import Form, required, unprintable

PROFILE_FIELDS = {"name": "Enter a name.", "email": "Enter an e-mail address."}
FIELD_ADVICE = {
    "name": "Enter a name of up to 80 characters.",
    "email": "Enter an e-mail address like somebody@example.com.",
    "password": "Choose another password: 8 to 256 characters, not your e-mail address.",
}
MAX_NAME = 80
MIN_PASSWORD = 8
# The user service knows exactly; this only finds what is plainly none, together with the rest.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


async def posted(visit: Visit, *, if_stale: str) -> Form:
    """What was typed; with the trouble and this advice, if the form's page is too old."""
    try:
        return Form(await visit.form())
    except StaleForm as stale:
        if not stale.typed:
            raise
        return Form(stale.typed, trouble=stale.title, advice=if_stale, status=stale.status)


def profile_errors(typed: Mapping[str, str]) -> dict[str, str]:
    errors = required(typed, PROFILE_FIELDS) | unprintable(typed, ("name",), FIELD_ADVICE["name"])
    if len(typed.get("name", "")) > MAX_NAME:
        errors["name"] = FIELD_ADVICE["name"]
    email = typed.get("email", "")
    if email and not _EMAIL.fullmatch(email):
        errors["email"] = FIELD_ADVICE["email"]
    return errors


def password_errors(typed: Mapping[str, str]) -> dict[str, str]:
    password = typed.get("password", "")
    if len(password) < MIN_PASSWORD:
        return {"password": f"Choose a password of at least {MIN_PASSWORD} characters."}
    if password.lower() == typed.get("email", "").lower():
        return {"password": FIELD_ADVICE["password"]}
    return {}


def refused_fields(form: Form, refusal: Refusal) -> Form:
    """What the user service found wrong, beside its fields."""
    fields = [problem.pointer.removeprefix("/") for problem in refusal.errors]
    errors = {name: FIELD_ADVICE[name] for name in FIELD_ADVICE if name in fields}
    return form.but(errors=errors, trouble="" if errors else "This could not be read.")


def too_often(form: Form, refusal: Refusal) -> Form:
    seconds = refusal.retry_after
    wait = f"in {seconds} seconds" if seconds.isdigit() else "in a minute"
    return form.but(trouble="That was tried often just now.", advice=f"Please try again {wait}.")


def desk_is_down(form: Form) -> Form:
    return form.but(
        trouble="The front desk is not answering.",
        advice="Your cart is safe. Please try again in a moment.",
        request_id=current_context().request_id,
        status=503,
    )
