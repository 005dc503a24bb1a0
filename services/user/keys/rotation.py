"""Makes, withdraws and lists signing keys."""

from app.stores.clock import moment
from services.user.keys.signing_keys import (
    FIRST_GENERATION,
    PUBLISH_AHEAD_MS,
    SigningKey,
    published_keys,
    signing_key,
)
from services.user.repository import SigningKeyRepository


class NotPossible(Exception):
    """The key does not exist, or it is the only one."""


async def rotate(keys: SigningKeyRepository, *, now: int, at_once: bool = False) -> SigningKey:
    """Make the next generation. Of two calls at the same time one wins, and both return its key.

    While a new key does not sign yet, that key is returned and none is made.
    """
    stored = [SigningKey.load(key) for key in await keys.all()]
    newest = max(stored, key=lambda key: key.generation, default=None)
    if newest is not None and newest.signs_from > now and not at_once:
        return newest
    generation = newest.generation + 1 if newest else FIRST_GENERATION
    signs_from = now if at_once or newest is None else now + PUBLISH_AHEAD_MS
    await keys.add(SigningKey.generate(generation, signs_from=signs_from).stored())
    stored = [SigningKey.load(key) for key in await keys.all()]
    published = published_keys(stored, now)
    for key in stored:
        if key not in published:
            await keys.remove(key.key_id)
    return max(stored, key=lambda key: key.generation)


async def withdraw(keys: SigningKeyRepository, key_id: str) -> None:
    """Remove a key. Raises `NotPossible` for the only one and for an unknown one."""
    key_ids = [key.key_id for key in await keys.all()]
    if key_id not in key_ids:
        raise NotPossible(f"there is no key {key_id}")
    if len(key_ids) == 1:
        raise NotPossible("this is the only key: rotate --at-once first")
    await keys.remove(key_id)


async def describe(keys: SigningKeyRepository, *, now: int) -> list[str]:
    """One line of text for each key."""
    stored = [SigningKey.load(key) for key in await keys.all()]
    if not stored:
        return ["no key yet: the service makes one when it starts"]
    signing, published = signing_key(stored, now), published_keys(stored, now)
    return [_line(key, signing=key is signing, published=key in published) for key in stored]


def _line(key: SigningKey, *, signing: bool, published: bool) -> str:
    since = moment(key.signs_from).isoformat(timespec="seconds")
    role = "signs" if signing else "published" if published else "over"
    return f"{key.generation:>4}  {key.key_id}  {role:<9}  from {since}"
