"""The rules and messages of the forms about an account."""

import pytest

from services.storefront.forms.account_forms import LogInForm, PasswordForm, RegistrationForm
from services.storefront.forms.validation import FormModel, validate_form
from services.storefront.view_models.form import Form
from tests.services.storefront.browser import EMAIL, PASSWORD

REGISTRATION = {"name": "Ann", "email": EMAIL, "password": PASSWORD}
OTHER_PASSWORD = "Choose another password: 8 to 256 characters, not your e-mail address."


def errors_of(model: type[FormModel], fields: dict[str, str]) -> dict[str, str]:
    form = validate_form(Form(fields), model)
    return dict(form.errors) if isinstance(form, Form) else {}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Enter a name."),
        ("name", "x" * 81, "Enter a name of up to 80 characters."),
        ("name", "a\x00", "Enter a name of up to 80 characters."),
        ("email", "", "Enter an e-mail address."),
        ("email", "ann", "Enter an e-mail address like somebody@example.com."),
        ("email", f"{EMAIL}\n", "Enter an e-mail address like somebody@example.com."),
        ("password", "", "Choose a password of at least 8 characters."),
        ("password", "1234567", "Choose a password of at least 8 characters."),
        ("password", EMAIL.upper(), OTHER_PASSWORD),
    ],
)
def test_each_error_of_a_registration_has_its_message(field: str, value: str, message: str) -> None:
    assert errors_of(RegistrationForm, REGISTRATION | {field: value}) == {field: message}


def test_a_password_is_taken_as_it_was_typed() -> None:
    form = validate_form(Form(REGISTRATION | {"password": "  two spaces  "}), RegistrationForm)
    assert isinstance(form, RegistrationForm)
    assert form.password == "  two spaces  "


def test_a_log_in_needs_both_fields() -> None:
    assert errors_of(LogInForm, {}) == {
        "email": "Enter your e-mail address.",
        "password": "Enter your password.",
    }


def test_another_password_needs_the_old_one() -> None:
    assert errors_of(PasswordForm, {"password": PASSWORD}) == {
        "old_password": "Enter the password you have."
    }
