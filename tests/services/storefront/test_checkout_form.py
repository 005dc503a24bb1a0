"""The rules and messages of the checkout's address fields."""

import pytest

from services.storefront.forms.checkout_form import AddressForm
from services.storefront.forms.validation import validate_form
from services.storefront.view_models.form import Form
from tests.services.storefront.browser import ADDRESS


def errors_of(**changes: str) -> dict[str, str]:
    form = validate_form(Form(ADDRESS | changes), AddressForm)
    return dict(form.errors) if isinstance(form, Form) else {}


def test_an_empty_form_has_every_error_in_the_order_of_the_page() -> None:
    form = validate_form(Form(), AddressForm)
    assert isinstance(form, Form)
    assert list(form.errors.items()) == [
        ("name", "Enter the name on the door."),
        ("line1", "Enter street and number."),
        ("postal_code", "Enter the postal code."),
        ("city", "Enter the city."),
        ("country", "Choose a country."),
    ]


def test_a_complete_form_is_the_address() -> None:
    form = validate_form(Form(ADDRESS | {"line2": "", "unknown": "field"}), AddressForm)
    assert isinstance(form, AddressForm)
    assert form.address.model_dump() == ADDRESS | {"line2": None}


@pytest.mark.parametrize(("country", "errors"), [("AE", []), ("DE", ["postal_code"])])
def test_a_postal_code_is_needed_where_there_are_any(country: str, errors: list[str]) -> None:
    assert list(errors_of(country=country, postal_code="")) == errors


def test_a_long_field_names_its_bound() -> None:
    assert errors_of(city="x" * 101) == {"city": "Please use at most 100 characters."}


@pytest.mark.parametrize("text", ["a\x00b", "a\u202eb", "\ud800"])
def test_characters_that_hide_or_turn_text_are_refused(text: str) -> None:
    advice = "Please use fewer, and only printable, characters here."
    assert errors_of(line2=text) == {"line2": advice}


@pytest.mark.parametrize("country", ["XX", "de", "D" * 5000, "\x00"])
def test_only_a_country_of_the_list_is_one(country: str) -> None:
    assert errors_of(country=country) == {"country": "Choose a country."}


def test_a_name_of_invisible_characters_is_empty() -> None:
    assert errors_of(name="\ufeff\u200b") == {"name": "Enter the name on the door."}


def test_a_form_with_a_problem_has_its_errors_beside_it() -> None:
    stale = Form(ADDRESS | {"city": ""}, problem="This form went stale.")
    form = validate_form(stale, AddressForm)
    assert isinstance(form, Form)
    assert form.problem == stale.problem
    assert list(form.errors) == ["city"]


def test_a_form_with_a_problem_is_never_taken_as_valid() -> None:
    stale = Form(ADDRESS, problem="This form went stale.")
    assert validate_form(stale, AddressForm) is stale
