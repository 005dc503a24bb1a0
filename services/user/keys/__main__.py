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
from app.stores.database import Database
from app.stores.errors import StoreUnavailable
from app.telemetry.metrics import Metrics
from services.user.keys.rotation import NotPossible, describe, rotate, withdraw
from services.user.repository import SigningKeyRepository


class KeySettings(ServiceSettings):
    """The settings of this command."""

    store_url: Annotated[str, store_url("sqlite", "postgresql")]


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
