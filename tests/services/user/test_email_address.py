"""E-mail addresses, however they are typed."""

import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.user.models import Registration

atoms = st.text(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1)
labels = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)
top_labels = st.from_regex(r"[A-Za-z]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)


def registration(**changes: Any) -> Registration:
    fields = {"email": "ann@example.com", "password": "correct horse", "name": "Ann"}
    return Registration.model_validate({**fields, **changes})


@given(
    st.lists(atoms, min_size=1, max_size=3), st.lists(labels, min_size=1, max_size=3), top_labels
)
def test_a_well_formed_email_is_taken_in_one_spelling(
    local: list[str], domain: list[str], top: str
) -> None:
    email = f"{'.'.join(local)}@{'.'.join([*domain, top])}"
    assume(len(email) <= 254)
    taken = registration(email=email).email
    assert taken == registration(email=f" {email.upper()} ").email == email.lower()
    assert registration(email=taken).email == taken


@given(st.text(max_size=300))
def test_any_text_is_an_email_in_ascii_or_refused(text: str) -> None:
    try:
        email = registration(email=text).email
    except ValidationError:
        return
    assert email.isascii()
    assert email.count("@") == 1
    assert not any(character.isspace() or character.isupper() for character in email)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@@example.com",
        "ann@example..com",
        ".ann@example.com",
        "ann@-example.com",
        "ann@127.0.0.1",
        "änn@example.com",
        "ann@exаmple.com",
        "ann@example.com\nbcc: bob@example.com",
        "a" * 250 + "@example.com",
        "a." * 120 + "@" + "b." * 120,
        None,
        ["ann@example.com"],
    ],
)
def test_what_is_no_email_is_refused(email: Any) -> None:
    with pytest.raises(ValidationError):
        registration(email=email)
