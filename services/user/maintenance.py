"""Deletes expired rows, in the background."""

from app.stores.clock import Clock
from services.user.repository import RateLimitRepository, SessionRepository

DELETE_EXPIRED_INTERVAL = 10 * 60.0
BATCH_SIZE = 1000


async def delete_expired(
    sessions: SessionRepository, rate_limits: RateLimitRepository, *, clock: Clock
) -> None:
    """Delete what has expired, in small transactions. Raises `StoreUnavailable`."""
    for repository in (sessions, rate_limits):
        while await repository.delete_expired(now=clock(), limit=BATCH_SIZE) >= BATCH_SIZE:
            pass
