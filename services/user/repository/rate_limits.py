"""Token buckets, counted for all replicas together, and the clients that are known.

A row holds the time at which a bucket will be full again (the generic cell rate algorithm). Each
attempt moves this time on by one interval, and is refused when it lies too far ahead already. One
conditional statement decides, so parallel attempts cannot pass together.

A time that lies farther ahead than an empty bucket needs to fill was written by a wrong clock. It
is ignored, so that it locks nobody out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.stores.clock import CLOCK_MARGIN
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Statement

MINUTE_MS = 60_000

CONSUME = Statement(
    "INSERT INTO attempts (key, clear_at)"
    " VALUES (:key, CAST(:now AS BIGINT) + CAST(:interval AS BIGINT))"
    " ON CONFLICT (key) DO UPDATE SET clear_at = CAST(:interval AS BIGINT) + CASE"
    " WHEN attempts.clear_at > CAST(:now AS BIGINT)"
    " AND attempts.clear_at <= CAST(:latest AS BIGINT) THEN attempts.clear_at"
    " ELSE CAST(:now AS BIGINT) END"
    " WHERE attempts.clear_at <= CAST(:now AS BIGINT) + CAST(:tolerance AS BIGINT)"
    " OR attempts.clear_at > CAST(:latest AS BIGINT)"
    " RETURNING clear_at"
)
SELECT_FULL_AT = Statement("SELECT clear_at FROM attempts WHERE key = :key")
REFUND = Statement(
    "UPDATE attempts SET clear_at = clear_at - CAST(:interval AS BIGINT) WHERE key = :key"
)
SELECT_KNOWN_CLIENT = Statement(
    "SELECT 1 FROM known_clients WHERE key = :key AND expires_at > :now"
)
UPSERT_KNOWN_CLIENT = Statement(
    "INSERT INTO known_clients (key, expires_at) VALUES (:key, :expires_at)"
    " ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at"
)
DELETE_EXPIRED = (
    Statement(
        "DELETE FROM attempts WHERE key IN"
        " (SELECT key FROM attempts WHERE clear_at <= :now LIMIT :limit)"
    ),
    Statement(
        "DELETE FROM known_clients WHERE key IN"
        " (SELECT key FROM known_clients WHERE expires_at <= :now LIMIT :limit)"
    ),
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``per_minute`` on average, and at most ``burst`` at once (``per_minute`` if it is 0)."""

    per_minute: int
    burst: int = 0

    @property
    def interval_ms(self) -> int:
        """The time after which one more attempt is allowed."""
        return MINUTE_MS // self.per_minute

    @property
    def tolerance_ms(self) -> int:
        """How far attempts may run ahead of the average."""
        return self.interval_ms * ((self.burst or self.per_minute) - 1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit for one account, address or other thing, which ``key`` names."""

    key: str
    limit: RateLimit


class RateLimitRepository:
    """Times are in milliseconds. Every method raises `app.stores.errors.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_conflicts
    async def consume(self, buckets: Sequence[Bucket], *, now: int) -> int:
        """Count one attempt against each bucket, in order, until one of them is empty.

        Returns how long to wait before that one allows another attempt; 0 if all allowed it.
        """
        async with self._database.transaction("spend_attempt") as connection:
            for bucket in buckets:
                interval, tolerance = bucket.limit.interval_ms, bucket.limit.tolerance_ms
                values = {
                    "key": bucket.key,
                    "now": now,
                    "interval": interval,
                    "tolerance": tolerance,
                    "latest": now + tolerance + interval + CLOCK_MARGIN,
                }
                if await connection.first(CONSUME, values) is None:
                    full_at = await connection.scalar(SELECT_FULL_AT, {"key": bucket.key})
                    return max(1, (full_at or now) - tolerance - now)
        return 0

    @retry_conflicts
    async def refund(self, buckets: Sequence[Bucket]) -> None:
        """Take back what `consume` counted."""
        async with self._database.transaction("give_back_attempt") as connection:
            await connection.execute_each(
                REFUND,
                [{"key": one.key, "interval": one.limit.interval_ms} for one in buckets],
            )

    async def is_known_client(self, key: str, *, now: int) -> bool:
        async with self._database.reading("is_known_client") as connection:
            found = await connection.first(SELECT_KNOWN_CLIENT, {"key": key, "now": now})
        return found is not None

    @retry_conflicts
    async def remember_client(self, key: str, *, until: int) -> None:
        async with self._database.writing("remember_client") as connection:
            await connection.execute(UPSERT_KNOWN_CLIENT, {"key": key, "expires_at": until})

    @retry_conflicts
    async def delete_expired(self, *, now: int, limit: int) -> int:
        """Delete full buckets and expired clients, ``limit`` of each. Returns how many."""
        deleted = 0
        for statement in DELETE_EXPIRED:
            async with self._database.writing("purge_attempts") as connection:
                deleted += await connection.execute(statement, {"now": now, "limit": limit})
        return deleted
