"""Sessions: one row each, which stays the same when its refresh token is rotated."""

from app.identity import GUEST_PREFIX
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Connection, Statement
from services.user.models import Role, Rotation, Session

INSERT_SESSION = Statement(
    "INSERT INTO sessions (id, subject, token_hash, created_at, rotated_at, expires_at)"
    " VALUES (:id, :subject, :token_hash, :created_at, :created_at, :expires_at)"
)
# SQLite and Postgres have no common syntax for OFFSET without LIMIT; nobody has so many sessions.
DELETE_LEAST_RECENTLY_USED = Statement(
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE subject = :subject AND id <> :id"
    " ORDER BY rotated_at DESC, id LIMIT 1000000 OFFSET :others)"
)
# This conditional update decides: of several requests with the same token, only one finds its hash.
ROTATE_TOKEN = Statement(
    "UPDATE sessions SET token_hash = :next_hash, previous_hash = :token_hash, rotated_at = :now,"
    " expires_at = CASE WHEN created_at + CAST(:max_age AS BIGINT) < CAST(:expires_at AS BIGINT)"
    " THEN created_at + CAST(:max_age AS BIGINT) ELSE CAST(:expires_at AS BIGINT) END"
    " WHERE id = :id AND token_hash = :token_hash AND expires_at > :now"
    " RETURNING subject"
)
SELECT_ROLES = Statement("SELECT staff FROM accounts WHERE id = :subject AND deleted_at IS NULL")
SELECT_SESSION = Statement(
    "SELECT previous_hash, rotated_at, expires_at FROM sessions WHERE id = :id"
)
DELETE_SESSION = Statement("DELETE FROM sessions WHERE id = :id")
DELETE_EXPIRED = Statement(
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE expires_at <= :now LIMIT :limit)"
)

MAX_SESSIONS = 50
"""For each subject. When there are more, the least recently used one ends."""


class SessionRepository:
    """Every method raises `app.stores.errors.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_conflicts
    async def open(self, session: Session) -> None:
        """Store the session. If there are too many, the least recently used one ends."""
        row = {
            "id": session.id,
            "subject": session.subject,
            "token_hash": session.token_hash,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }
        async with self._database.transaction("open_session") as connection:
            await connection.execute(INSERT_SESSION, row)
            await connection.execute(
                DELETE_LEAST_RECENTLY_USED,
                {"subject": session.subject, "id": session.id, "others": MAX_SESSIONS - 1},
            )

    @retry_conflicts
    async def rotate(
        self,
        session_id: str,
        *,
        token_hash: str,
        next_hash: str,
        now: int,
        expires_at: int,
        max_age: int,
        reuse_grace: int,
    ) -> Rotation:
        """Exchange the token for the next one; a token that was exchanged before ends the session.

        The session then lasts until ``expires_at``, but no longer than ``max_age`` in total.
        Within ``reuse_grace`` of an exchange the same token is refused, and the session stays.
        All times are in milliseconds.
        """
        values = {
            "id": session_id,
            "token_hash": token_hash,
            "next_hash": next_hash,
            "now": now,
            "expires_at": expires_at,
            "max_age": max_age,
        }
        async with self._database.transaction("rotate_session") as connection:
            subject = await connection.scalar(ROTATE_TOKEN, values)
            if subject is not None:
                return await _rotated(connection, subject)
            found = await connection.first(SELECT_SESSION, {"id": session_id})
            if found is None or found["expires_at"] <= now:
                return Rotation("unknown")
            # The absolute difference: the clock of the other replica may be ahead of ours.
            age = abs(now - found["rotated_at"])
            if found["previous_hash"] == token_hash and age <= reuse_grace:
                return Rotation("replaced")
            await connection.execute(DELETE_SESSION, {"id": session_id})
            return Rotation("reused")

    @retry_conflicts
    async def close(self, session_id: str) -> None:
        async with self._database.writing("close_session") as connection:
            await connection.execute(DELETE_SESSION, {"id": session_id})

    @retry_conflicts
    async def delete_expired(self, *, now: int, limit: int) -> int:
        """Delete sessions that are over. Returns how many."""
        async with self._database.writing("purge_sessions") as connection:
            return await connection.execute(DELETE_EXPIRED, {"now": now, "limit": limit})


async def _rotated(connection: Connection, subject: str) -> Rotation:
    if subject.startswith(GUEST_PREFIX):
        return Rotation("rotated", subject, ("guest",))
    account = await connection.first(SELECT_ROLES, {"subject": subject})
    if account is None:
        return Rotation("unknown")
    roles: tuple[Role, ...] = ("user", "staff") if account["staff"] else ("user",)
    return Rotation("rotated", subject, roles)
