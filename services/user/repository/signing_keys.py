"""The signing keys, one row for each generation."""

from collections.abc import Sequence

from app.stores.database import Database, retry_conflicts
from app.stores.statements import Statement
from services.user.models import StoredKey

SELECT_KEYS = Statement(
    "SELECT generation, key_id, private_key, signs_from FROM signing_keys ORDER BY generation"
)
INSERT_KEY = Statement(
    "INSERT INTO signing_keys (generation, key_id, private_key, signs_from)"
    " VALUES (:generation, :key_id, :private_key, :signs_from)"
    " ON CONFLICT (generation) DO NOTHING"
)
DELETE_KEY = Statement("DELETE FROM signing_keys WHERE key_id = :key_id")


class SigningKeyRepository:
    """Every method raises `app.stores.errors.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[StoredKey]:
        async with self._database.reading("signing_keys") as connection:
            rows = await connection.rows(SELECT_KEYS)
        return [
            StoredKey(row["generation"], row["key_id"], row["private_key"], row["signs_from"])
            for row in rows
        ]

    @retry_conflicts
    async def add(self, key: StoredKey) -> None:
        """Store the key, unless there is one of this generation."""
        row = {
            "generation": key.generation,
            "key_id": key.key_id,
            "private_key": key.private_key,
            "signs_from": key.signs_from,
        }
        async with self._database.writing("add_signing_key") as connection:
            await connection.execute(INSERT_KEY, row)

    @retry_conflicts
    async def remove(self, key_id: str) -> None:
        async with self._database.writing("remove_signing_key") as connection:
            await connection.execute(DELETE_KEY, {"key_id": key_id})
