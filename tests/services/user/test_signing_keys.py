"""Which key signs, which are published, and the form of tokens."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.stores.clock import StoreClock
from app.stores.errors import StoreUnavailable
from services.user.keys.signing_keys import (
    PUBLISH_AHEAD_MS,
    STAY_PUBLISHED_MS,
    SigningKey,
    SigningKeys,
    published_keys,
    signing_key,
)
from services.user.models import StoredKey
from services.user.tokens import RefreshToken

NOW = 1_700_000_000_000
OLD = SigningKey.generate(1, signs_from=NOW - 10**9)
NEW = SigningKey.generate(2, signs_from=NOW + PUBLISH_AHEAD_MS)


class MemoryKeyStore:
    """A store of keys in memory that can be down."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = [key.stored() for key in keys]
        self.reachable = True
        self.reads = 0

    async def all(self) -> Sequence[StoredKey]:
        await asyncio.sleep(0)
        self.reads += 1
        if not self.reachable:
            raise StoreUnavailable("out of reach")
        return list(self.keys)

    async def add(self, key: StoredKey) -> None:
        if key.generation not in [known.generation for known in self.keys]:
            self.keys.append(key)


def test_the_old_key_signs_until_the_new_one_has_been_published_for_a_while() -> None:
    assert signing_key([OLD, NEW], NOW) is OLD
    assert signing_key([OLD, NEW], NOW + PUBLISH_AHEAD_MS) is NEW


def test_both_keys_are_published_until_the_last_token_of_the_old_one_is_over() -> None:
    end = NEW.signs_from + STAY_PUBLISHED_MS
    assert published_keys([OLD, NEW], NOW) == [OLD, NEW]
    assert published_keys([OLD, NEW], end - 1) == [OLD, NEW]
    assert published_keys([OLD, NEW], end) == [NEW]


def test_a_key_whose_time_has_not_come_signs_when_it_is_the_only_one() -> None:
    assert signing_key([NEW], NOW) is NEW


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.integers(0, 10**9))
def test_the_signing_key_is_always_published_and_so_was_the_one_a_token_lifetime_ago(
    starts: list[int], now: int
) -> None:
    keys = [
        SigningKey(generation, str(generation), OLD.private, signs_from)
        for generation, signs_from in enumerate(sorted(starts), 1)
    ]
    published = published_keys(keys, now)
    assert signing_key(keys, now) in published
    assert signing_key(keys, now - 15 * 60 * 1000) in published


async def test_the_keys_are_read_once_for_many_callers() -> None:
    store = MemoryKeyStore(OLD)
    keys = SigningKeys(store, clock=lambda: NOW)
    await asyncio.gather(*(keys.signing_key() for _ in range(50)))
    assert store.reads == 1


async def test_a_new_key_is_noticed_within_ten_seconds() -> None:
    now = NOW
    store = MemoryKeyStore(OLD)
    keys = SigningKeys(store, clock=lambda: now)
    assert [key["kid"] for key in await keys.jwks_entries()] == [OLD.key_id]
    store.keys.append(NEW.stored())
    now += 9_999
    assert [key["kid"] for key in await keys.jwks_entries()] == [OLD.key_id]
    now += 1
    assert [key["kid"] for key in await keys.jwks_entries()] == [OLD.key_id, NEW.key_id]


async def test_a_key_is_current_while_it_is_published_and_freshly_read() -> None:
    now = NOW
    keys = SigningKeys(MemoryKeyStore(OLD, NEW), clock=lambda: now)
    assert not keys.is_current(OLD.key_id)
    await keys.signing_key()
    assert keys.is_current(OLD.key_id)
    assert not keys.is_current("another")
    now = NOW + 11_000
    assert not keys.is_current(OLD.key_id)
    now = NEW.signs_from + STAY_PUBLISHED_MS
    await keys.signing_key()
    assert keys.is_current(NEW.key_id)
    assert not keys.is_current(OLD.key_id)


async def test_the_known_keys_go_on_while_the_store_is_down() -> None:
    now = NOW
    store = MemoryKeyStore(OLD)
    keys = SigningKeys(store, clock=lambda: now)
    await keys.signing_key()
    store.reachable = False
    now += 60_000
    assert (await keys.signing_key()).key_id == OLD.key_id


async def test_without_any_key_the_error_says_that_the_store_is_down() -> None:
    store = MemoryKeyStore()
    store.reachable = False
    with pytest.raises(StoreUnavailable):
        await SigningKeys(store, clock=lambda: NOW).signing_key()


async def test_keys_are_read_as_soon_as_the_stores_clock_is() -> None:
    clock = StoreClock()
    keys = SigningKeys(MemoryKeyStore(OLD), clock=clock)
    with pytest.raises(StoreUnavailable):
        await keys.signing_key()
    clock.set(NOW, since=clock.start_reading())
    assert (await keys.signing_key()).key_id == OLD.key_id


def test_a_published_key_holds_nothing_private() -> None:
    assert set(OLD.public_jwk()) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_keys_and_tokens_do_not_show_their_secrets_when_printed() -> None:
    token = RefreshToken.new()
    secret_parts = [OLD.private.as_dict(private=True)["d"], token.secret, token.family]
    shown = f"{OLD!r} {OLD.stored()!r} {token!r}"
    assert not [secret for secret in secret_parts if str(secret) in shown]


def test_a_rotated_token_is_of_the_same_session_and_otherwise_new() -> None:
    token = RefreshToken.new()
    following = token.rotated()
    assert following.session_id == token.session_id
    assert following.digest != token.digest
    assert RefreshToken.parse(str(following)) == following


@given(st.text(max_size=200))
def test_what_is_no_refresh_token_is_not_parsed_as_one(text: str) -> None:
    parsed = RefreshToken.parse(text)
    assert parsed is None or str(parsed) == text
