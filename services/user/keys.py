"""The command that manages the signing keys: ``python -m services.user.keys list``.

``rotate`` makes the next generation. It is published at once and signs five minutes later, when
every verifier knows it; the old one stays published until its last token has expired. Nobody is
logged out. ``withdraw`` removes a key that may have leaked: its tokens are refused as soon as
verifiers fetch the keys again, within about a minute.

The store is ``CARTWHEEL_STORE_URL``. Exit codes: 0 done, 1 not possible, 2 wrong usage.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from app.settings import ServiceSettings, SettingsError, load, store_url
from app.stores.clock import moment
from app.stores.database import Database
from app.stores.errors import StoreUnavailable
from app.telemetry.metrics import Metrics
from services.user.repository import SigningKeyRepository
from services.user.signing_keys import (
    FIRST_GENERATION,
    PUBLISH_AHEAD_MS,
    SigningKey,
    published_keys,
    signing_key,
)


class KeySettings(ServiceSettings):
    """The settings of this command."""

    store_url: Annotated[str, store_url("sqlite", "postgresql")]


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
    known = [key.key_id for key in await keys.all()]
    if key_id not in known:
        raise NotPossible(f"there is no key {key_id}")
    if len(known) == 1:
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


async def _run(options: argparse.Namespace, url: str) -> list[str]:
    async with Database(url, metrics=Metrics("user")) as database:
        keys, now = SigningKeyRepository(database), database.clock()
        if options.command == "rotate":
            await rotate(keys, now=now, at_once=options.at_once)
        elif options.command == "withdraw":
            await withdraw(keys, options.key_id)
        return await describe(keys, now=now)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m services.user.keys")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the keys")
    rotation = commands.add_parser("rotate", help="make the next key")
    rotation.add_argument(
        "--at-once", action="store_true", help="sign with it now; verifiers may lag some seconds"
    )
    withdrawal = commands.add_parser("withdraw", help="remove a key that is not secret any more")
    withdrawal.add_argument("key_id")
    options = parser.parse_args(arguments)
    try:
        print("\n".join(asyncio.run(_run(options, load(KeySettings).store_url))))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (NotPossible, StoreUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
