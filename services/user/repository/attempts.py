"""Attempts, counted for all replicas together.

A row says when a budget will be whole again (the generic cell rate algorithm): each attempt
moves that moment on by one interval, and is refused when it lies too far ahead already. One
conditional statement decides, so parallel attempts cannot pass together.

No budget takes longer than a full one to be whole again. A moment that lies farther ahead was
written by a clock that was wrong, and locks nobody out.
"""

from collections.abc import Sequence

from sqlalchemy import text

from app.stores.clock import CLOCK_MARGIN
from app.stores.sql import Database
from services.user.rate_limits import Budget

_SPEND = text(
    "INSERT INTO attempts (key, clear_at)"
    " VALUES (:key, CAST(:now AS BIGINT) + CAST(:interval AS BIGINT))"
    " ON CONFLICT (key) DO UPDATE SET clear_at = CAST(:interval AS BIGINT) + CASE"
    " WHEN attempts.clear_at > CAST(:now AS BIGINT)"
    " AND attempts.clear_at <= CAST(:latest AS BIGINT) THEN attempts.clear_at"
    " ELSE CAST(:now AS BIGINT) END"
    " WHERE attempts.clear_at <= CAST(:now AS BIGINT) + CAST(:burst AS BIGINT)"
    " OR attempts.clear_at > CAST(:latest AS BIGINT)"
    " RETURNING clear_at"
)
_CLEAR_AT = text("SELECT clear_at FROM attempts WHERE key = :key")
_GIVE_BACK = text(
    "UPDATE attempts SET clear_at = clear_at - CAST(:interval AS BIGINT) WHERE key = :key"
)
_IS_KNOWN = text("SELECT 1 FROM known_clients WHERE key = :key AND expires_at > :now")
_REMEMBER = text(
    "INSERT INTO known_clients (key, expires_at) VALUES (:key, :expires_at)"
    " ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at"
)
_PURGE = (
    text(
        "DELETE FROM attempts WHERE key IN"
        " (SELECT key FROM attempts WHERE clear_at <= :now LIMIT :at_most)"
    ),
    text(
        "DELETE FROM known_clients WHERE key IN"
        " (SELECT key FROM known_clients WHERE expires_at <= :now LIMIT :at_most)"
    ),
)


class Attempts:
    """Times are in milliseconds. Every method raises `app.stores.sql.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, budgets: Sequence[Budget], *, now: int) -> int:
        """Count one attempt against each budget, in order, until one of them is used up.

        Returns how long to wait before that one allows another attempt; 0 if all allowed it.
        """
        async with self._database.transaction("spend_attempt") as connection:
            for budget in budgets:
                interval, burst = budget.limit.interval, budget.limit.burst
                values = {
                    "key": budget.key,
                    "now": now,
                    "interval": interval,
                    "burst": burst,
                    "latest": now + burst + interval + CLOCK_MARGIN,
                }
                if (await connection.execute(_SPEND, values)).first() is None:
                    clear_at = await connection.scalar(_CLEAR_AT, {"key": budget.key})
                    return max(1, (clear_at or now) - budget.limit.burst - now)
        return 0

    async def give_back(self, budgets: Sequence[Budget]) -> None:
        """Take back what `spend` counted."""
        async with self._database.transaction("give_back_attempt") as connection:
            for budget in budgets:
                values = {"key": budget.key, "interval": budget.limit.interval}
                await connection.execute(_GIVE_BACK, values)

    async def is_known(self, key: str, *, now: int) -> bool:
        async with self._database.reading("is_known_client") as connection:
            found = await connection.execute(_IS_KNOWN, {"key": key, "now": now})
            return found.first() is not None

    async def remember(self, key: str, *, until: int) -> None:
        async with self._database.transaction("remember_client") as connection:
            await connection.execute(_REMEMBER, {"key": key, "expires_at": until})

    async def purge(self, *, now: int, at_most: int) -> int:
        """Forget what no longer limits or helps anybody. Returns how many rows went."""
        purged = 0
        for statement in _PURGE:
            async with self._database.transaction("purge_attempts") as connection:
                result = await connection.execute(statement, {"now": now, "at_most": at_most})
                purged += result.rowcount
        return purged
