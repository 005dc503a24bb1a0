"""Passwords and e-mail addresses, however they are typed; hashing that stays within bounds."""

import asyncio
import string
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.telemetry.metrics import Metrics
from services.user.models import Credentials, Registration
from services.user.passwords import (
    HASHER,
    LONGEST,
    NOBODYS_HASH,
    SHORTEST,
    PasswordHashes,
    PasswordsBusy,
    acceptable_password,
    canonical_password,
)

printable = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=80)
atoms = st.text(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1)
labels = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)
top_labels = st.from_regex(r"[A-Za-z]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)


def hashes(*, longest_line: int = 32) -> PasswordHashes:
    waiting = Metrics("user").gauge("passwords_waiting", "")
    return PasswordHashes(longest_line=longest_line, waiting=waiting)


def registration(**changes: Any) -> Registration:
    fields = {"email": "ann@example.com", "password": "correct horse", "name": "Ann"}
    return Registration.model_validate({**fields, **changes})


@given(printable)
def test_a_password_is_the_same_however_its_characters_are_composed(password: str) -> None:
    spellings = {
        canonical_password(unicodedata.normalize(form, password))
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    }
    assert len(spellings) == 1


@given(printable)
def test_a_canonical_password_stays_as_it_is(password: str) -> None:
    canonical = canonical_password(password)
    assert canonical_password(canonical) == canonical


@given(st.text(max_size=400))
def test_a_new_password_is_within_the_rules_or_refused(password: str) -> None:
    try:
        accepted = acceptable_password(password)
    except ValueError:
        return
    assert SHORTEST <= len(accepted) <= LONGEST
    assert "\0" not in accepted


@pytest.mark.parametrize(
    "password",
    ["", "seven77", "x" * 257, "nul\0inside", "line\nbreak", "ﷺ" * 20, "\ud800abcdefgh", 12345678],
    ids=["empty", "short", "long", "NUL", "line", "long once canonical", "surrogate", "number"],
)
def test_a_bad_new_password_is_refused(password: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        registration(password=password)
    assert [error["loc"] for error in refusal.value.errors()] == [("password",)]


def test_the_email_address_is_no_password() -> None:
    with pytest.raises(ValidationError, match="must not be the e-mail address"):
        registration(email="ann@example.com", password="Ann@Example.com")


def test_a_short_password_may_be_tried_at_log_in() -> None:
    assert Credentials(email="ann@example.com", password="short").password == "short"


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


async def test_a_password_matches_its_own_hash_only() -> None:
    async with hashes() as passwords:
        password_hash = await passwords.make("correct horse")
        assert await passwords.check("correct horse", password_hash)
        assert not await passwords.check("wrong horse", password_hash)
        assert not await passwords.check("correct horse", None)
        assert not await passwords.check("correct horse", "no hash at all")


async def test_hashes_are_argon2id_with_the_chosen_cost() -> None:
    async with hashes() as passwords:
        password_hash = await passwords.make("correct horse")
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not HASHER.check_needs_rehash(password_hash)


def test_an_unknown_account_costs_the_same_hash() -> None:
    assert not HASHER.check_needs_rehash(NOBODYS_HASH)


async def test_when_the_line_is_full_the_next_is_sent_away_and_the_others_are_served() -> None:
    async with hashes(longest_line=3) as passwords:
        outcomes = await asyncio.gather(
            *(passwords.make("correct horse") for _ in range(12)), return_exceptions=True
        )
        busy = [outcome for outcome in outcomes if isinstance(outcome, PasswordsBusy)]
        assert len(busy) == 12 - 2 - 3
        assert all(isinstance(outcome, str) for outcome in outcomes if outcome not in busy)
        assert busy[0].retry_after >= 1
        assert await passwords.check("correct horse", None) is False


async def test_a_caller_who_hangs_up_leaves_the_line() -> None:
    async with hashes(longest_line=3) as passwords:
        callers = [asyncio.create_task(passwords.make("correct horse")) for _ in range(5)]
        await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        async with asyncio.timeout(5):
            outcomes: list[object] = [PasswordsBusy("")]
            while any(isinstance(outcome, PasswordsBusy) for outcome in outcomes):
                outcomes = await asyncio.gather(
                    *(passwords.make("again") for _ in range(5)), return_exceptions=True
                )
