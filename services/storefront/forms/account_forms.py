"""The forms of log-in, registration and account, and their problems."""

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo

from app.models import Text
from app.telemetry.context import current_context
from services.storefront.clients import RequestDeclined
from services.storefront.forms.validation import OTHERWISE, TOO_SHORT, FormModel, Messages
from services.storefront.view_models.form import Form
from services.storefront.view_models.missing_parts import NOT_ANSWERING

_NAME = {
    TOO_SHORT: "Enter a name.",
    OTHERWISE: "Enter a name of up to 80 characters.",
}
_EMAIL = {
    TOO_SHORT: "Enter an e-mail address.",
    OTHERWISE: "Enter an e-mail address like somebody@example.com.",
}
_PASSWORD = {
    TOO_SHORT: "Choose a password of at least {min_length} characters.",
    OTHERWISE: "Choose another password: 8 to 256 characters, not your e-mail address.",
}


def _not_the_email(password: str, info: ValidationInfo) -> str:
    if password.lower() == info.data.get("email", "").lower():
        raise ValueError("must not be the e-mail address")
    return password


Filled = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Text(1, 80)]
# The user service validates e-mail addresses. This only catches obvious errors with the others.
Email = Annotated[str, Field(min_length=1, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
NewPassword = Annotated[str, Field(min_length=8), AfterValidator(_not_the_email)]


class LogInForm(FormModel):
    email: Filled = ""
    password: Filled = ""

    messages: ClassVar[Messages] = {
        "email": {OTHERWISE: "Enter your e-mail address."},
        "password": {OTHERWISE: "Enter your password."},
    }


class RegistrationForm(FormModel):
    name: Name = ""
    email: Email = ""
    password: NewPassword = ""

    messages: ClassVar[Messages] = {"name": _NAME, "email": _EMAIL, "password": _PASSWORD}


class ProfileForm(FormModel):
    name: Name = ""
    email: Email = ""
    current_password: str = ""

    messages: ClassVar[Messages] = {"name": _NAME, "email": _EMAIL}


class PasswordForm(FormModel):
    old_password: Filled = ""
    password: NewPassword = ""

    messages: ClassVar[Messages] = {
        "old_password": {OTHERWISE: "Enter the password you have."},
        "password": _PASSWORD,
    }


def too_many_attempts(form: Form, declined: RequestDeclined) -> Form:
    seconds = declined.retry_after
    wait = f"in {seconds} seconds" if seconds.isdigit() else "in a minute"
    advice = f"Please try again {wait}."
    return replace(form, problem="That was tried often just now.", advice=advice)


def user_service_down(form: Form) -> Form:
    return replace(
        form,
        problem=NOT_ANSWERING["user"],
        advice="Your cart is safe. Please try again in a moment.",
        request_id=current_context().request_id,
        status=503,
    )
