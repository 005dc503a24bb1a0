"""The signing keys, a row for each generation."""

from collections.abc import Sequence

from sqlalchemy import text

from app.stores.sql import Database
from services.user.models import StoredKey

_ALL = text(
    "SELECT generation, key_id, private_key, signs_from FROM signing_keys ORDER BY generation"
)
_ADD = text(
    "INSERT INTO signing_keys (generation, key_id, private_key, signs_from)"
    " VALUES (:generation, :key_id, :private_key, :signs_from)"
    " ON CONFLICT (generation) DO NOTHING"
)
_REMOVE = text("DELETE FROM signing_keys WHERE key_id = :key_id")


class SigningKeys:
    """Every method raises `app.stores.sql.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[StoredKey]:
        async with self._database.reading("signing_keys") as connection:
            rows = await connection.execute(_ALL)
            return [
                StoredKey(row.generation, row.key_id, row.private_key, row.signs_from)
                for row in rows
            ]

    async def add(self, key: StoredKey) -> None:
        """Keep it, unless there is one of this generation already."""
        row = {
            "generation": key.generation,
            "key_id": key.key_id,
            "private_key": key.private_key,
            "signs_from": key.signs_from,
        }
        async with self._database.transaction("add_signing_key") as connection:
            await connection.execute(_ADD, row)

    async def remove(self, key_id: str) -> None:
        async with self._database.transaction("remove_signing_key") as connection:
            await connection.execute(_REMOVE, {"key_id": key_id})
