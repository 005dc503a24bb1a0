"""The keys that sign access tokens, and when each of them does.

Keys come in generations. A new key is published well before it signs, so that all verifiers know
it by then, and an old one is published until its last token has expired. Which key signs, and
which are published, follows from one time in each row, so replicas agree without communicating.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from joserfc.jwk import OKPKey

from app.cache import Cache
from services.user.models import StoredKey

ALGORITHM = "Ed25519"
FIRST_GENERATION = 1
# Verifiers fetch the published keys every minute.
PUBLISH_AHEAD_MS = 5 * 60 * 1000
# Longer than the lifetime of any access token, with room for clocks that differ.
STAY_PUBLISHED_MS = 16 * 60 * 1000
RELOAD_SECONDS = 10.0


class KeyStore(Protocol):
    """The store of the keys: the only secrets of this service that are not stored as hashes."""

    async def all(self) -> Sequence[StoredKey]: ...

    async def add(self, key: StoredKey) -> None:
        """Store the key, unless there is one of this generation."""


@dataclass(frozen=True)
class SigningKey:
    """``signs_from`` is in milliseconds since the epoch."""

    generation: int
    key_id: str
    private: OKPKey
    signs_from: int

    @classmethod
    def generate(cls, generation: int, *, signs_from: int) -> Self:
        private = OKPKey.generate_key("Ed25519", private=True)
        return cls(generation, private.thumbprint(), private, signs_from)

    @classmethod
    def load(cls, stored: StoredKey) -> Self:
        private = OKPKey.import_key(json.loads(stored.private_key))
        return cls(stored.generation, stored.key_id, private, stored.signs_from)

    def stored(self) -> StoredKey:
        private_key = json.dumps(self.private.as_dict(private=True))
        return StoredKey(self.generation, self.key_id, private_key, self.signs_from)

    def public_jwk(self) -> dict[str, Any]:
        """The public half, as an entry of a JWK set."""
        public = self.private.as_dict(private=False)
        return {**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}


def signing_key(keys: Sequence[SigningKey], now: int) -> SigningKey:
    """The newest key whose time has come; if there is none, the first key."""
    started = [key for key in keys if key.signs_from <= now]
    if not started:
        return min(keys, key=lambda key: key.generation)
    return max(started, key=lambda key: key.generation)


def published_keys(keys: Sequence[SigningKey], now: int) -> list[SigningKey]:
    """All keys of which an access token may still be valid, and those that sign later."""
    ordered = sorted(keys, key=lambda key: key.generation)
    successors = [*ordered[1:], None]
    return [
        key
        for key, successor in zip(ordered, successors, strict=True)
        if successor is None or now < successor.signs_from + STAY_PUBLISHED_MS
    ]


class SigningKeys:
    """The keys as last read from the store, read again every ten seconds; a `KeySource`.

    While the store is down, the keys read last go on signing.
    """

    def __init__(self, store: KeyStore, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._keys = Cache[None, Sequence[SigningKey]](
            fresh_for=RELOAD_SECONDS,
            jitter=0.0,
            usable_for=float("inf"),
            # A caller that waits for a dead store cannot answer in time.
            retry_after=RELOAD_SECONDS,
            stale_while_loading=True,
            max_entries=1,
            clock=lambda: clock() / 1000,
        )

    async def signing_key(self) -> SigningKey:
        """Raises `StoreUnavailable` as long as no key was ever read."""
        return signing_key(await self._current(), self._clock())

    async def jwks_entries(self) -> list[dict[str, Any]]:
        """The entries of the JWK set. Raises `StoreUnavailable`, as `signing_key` does."""
        return [key.public_jwk() for key in published_keys(await self._current(), self._clock())]

    def is_current(self, kid: str) -> bool:
        """Whether the key is published, according to keys that need not be read again yet."""
        keys = self._keys.fresh(None)
        return keys is not None and self._published(keys, kid) is not None

    async def find(self, kid: str) -> OKPKey | None:
        """The published key with this id. Raises `StoreUnavailable`, as `signing_key` does."""
        return self._published(await self._current(), kid)

    def _published(self, keys: Sequence[SigningKey], kid: str) -> OKPKey | None:
        published = published_keys(keys, self._clock())
        return next((key.private for key in published if key.key_id == kid), None)

    async def _current(self) -> Sequence[SigningKey]:
        return await self._keys.get(None, self._read)

    async def _read(self) -> Sequence[SigningKey]:
        stored = await self._store.all() or await self._make_first_key()
        return [SigningKey.load(key) for key in stored]

    async def _make_first_key(self) -> Sequence[StoredKey]:
        """When several replicas start together, one insert wins, and all read that key."""
        key = SigningKey.generate(FIRST_GENERATION, signs_from=self._clock())
        await self._store.add(key.stored())
        return await self._store.all()
