"""Passwords, however they are typed; hashing that stays within bounds."""

import asyncio
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.telemetry.metrics import Metrics
from services.user.models import Credentials, Registration
from services.user.passwords import (
    DUMMY_HASH,
    HASHER,
    MAX_LENGTH,
    MIN_LENGTH,
    PasswordHasher,
    PasswordsBusy,
    normalized_password,
    valid_new_password,
)

printable = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=80)


def hasher(*, max_waiting: int = 32) -> PasswordHasher:
    waiting = Metrics("user").gauge("passwords_waiting", "")
    return PasswordHasher(max_waiting=max_waiting, waiting=waiting)


def registration(**changes: Any) -> Registration:
    fields = {"email": "ann@example.com", "password": "correct horse", "name": "Ann"}
    return Registration.model_validate({**fields, **changes})


@pytest.mark.fault(74)
@given(printable)
def test_a_password_is_the_same_however_its_characters_are_composed(password: str) -> None:
    spellings = {
        normalized_password(unicodedata.normalize(form, password))
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    }
    assert len(spellings) == 1


@given(printable)
def test_a_canonical_password_stays_as_it_is(password: str) -> None:
    canonical = normalized_password(password)
    assert normalized_password(canonical) == canonical


@given(st.text(max_size=400))
def test_a_new_password_is_within_the_rules_or_refused(password: str) -> None:
    try:
        accepted = valid_new_password(password)
    except ValueError:
        return
    assert MIN_LENGTH <= len(accepted) <= MAX_LENGTH
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


async def test_a_password_matches_its_own_hash_only() -> None:
    async with hasher() as passwords:
        password_hash = await passwords.hash("correct horse")
        assert await passwords.verify("correct horse", password_hash)
        assert not await passwords.verify("wrong horse", password_hash)
        assert not await passwords.verify("correct horse", None)
        assert not await passwords.verify("correct horse", "no hash at all")


async def test_hashes_are_argon2id_with_the_chosen_cost() -> None:
    async with hasher() as passwords:
        password_hash = await passwords.hash("correct horse")
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not HASHER.check_needs_rehash(password_hash)


@pytest.mark.fault(71)
def test_an_unknown_account_costs_the_same_hash() -> None:
    assert not HASHER.check_needs_rehash(DUMMY_HASH)


@pytest.mark.fault(73)
async def test_when_the_line_is_full_the_next_is_sent_away_and_the_others_are_served() -> None:
    async with hasher(max_waiting=3) as passwords:
        outcomes = await asyncio.gather(
            *(passwords.hash("correct horse") for _ in range(12)), return_exceptions=True
        )
        busy = [outcome for outcome in outcomes if isinstance(outcome, PasswordsBusy)]
        assert len(busy) == 12 - 2 - 3
        assert all(isinstance(outcome, str) for outcome in outcomes if outcome not in busy)
        assert busy[0].retry_after >= 1
        assert await passwords.verify("correct horse", None) is False


async def test_a_caller_who_hangs_up_leaves_the_line() -> None:
    async with hasher(max_waiting=3) as passwords:
        callers = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(5)]
        await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        async with asyncio.timeout(5):
            outcomes: list[object] = [PasswordsBusy("")]
            while any(isinstance(outcome, PasswordsBusy) for outcome in outcomes):
                outcomes = await asyncio.gather(
                    *(passwords.hash("again") for _ in range(5)), return_exceptions=True
                )
