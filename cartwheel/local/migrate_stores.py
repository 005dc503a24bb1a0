"""Migrate several stores in one process: most of the time goes into loading alembic.

Reads a JSON object (package → store URL) from stdin, so that no password shows in a process
list. Exit codes: 0 done, 1 a store failed; the reason is the last line.
"""

import asyncio
import json
import sys
from collections.abc import Mapping

from app.stores.errors import StoreUnavailable
from app.stores.migrations import migrate


async def migrate_all(stores: Mapping[str, str]) -> None:
    """Migrate one store after the other and print what changed. Raises `StoreUnavailable`."""
    for package, url in stores.items():
        name = package.rpartition(".")[2]
        try:
            before, after = await migrate(package, url)
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{name}: {error.detail}") from error
        if before != after:
            sys.stdout.write(f"{name} {before} → {after}\n")


def main() -> int:
    try:
        asyncio.run(migrate_all(json.load(sys.stdin)))
    except StoreUnavailable as error:
        sys.stdout.write(f"{error.detail}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
