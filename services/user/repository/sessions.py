"""Sessions: one row each, however often its token is rotated."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.identity import GUEST_PREFIX
from app.stores.sql import Database
from services.user.models import Role, Rotation, Session

_OPEN = text(
    "INSERT INTO sessions (id, subject, token_hash, created_at, rotated_at, expires_at)"
    " VALUES (:id, :subject, :token_hash, :created_at, :created_at, :expires_at)"
)
# No store knows OFFSET without LIMIT in the other's words: nobody has that many sessions.
_CLOSE_LEAST_USED = text(
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE subject = :subject AND id <> :id"
    " ORDER BY rotated_at DESC, id LIMIT 1000000 OFFSET :others)"
)
# The conditional update is the whole decision: of any number of racing exchanges of one
# token, one finds the hash still there.
_ROTATE = text(
    "UPDATE sessions SET token_hash = :next_hash, previous_hash = :token_hash, rotated_at = :now,"
    " expires_at = CASE WHEN created_at + CAST(:longest AS BIGINT) < CAST(:expires_at AS BIGINT)"
    " THEN created_at + CAST(:longest AS BIGINT) ELSE CAST(:expires_at AS BIGINT) END"
    " WHERE id = :id AND token_hash = :token_hash AND expires_at > :now"
    " RETURNING subject"
)
_ROLES = text("SELECT staff FROM accounts WHERE id = :subject AND deleted_at IS NULL")
_FIND = text("SELECT previous_hash, rotated_at, expires_at FROM sessions WHERE id = :id")
_CLOSE = text("DELETE FROM sessions WHERE id = :id")
_PURGE = text(
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE expires_at <= :now LIMIT :at_most)"
)

MAX_SESSIONS = 50
"""Devices one person is logged in with: the one that was not used for longest is logged out."""


class Sessions:
    """Every method raises `app.stores.sql.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, session: Session) -> None:
        """Keep it; of more than `MAX_SESSIONS` the one that was not used for longest ends."""
        row = {
            "id": session.id,
            "subject": session.subject,
            "token_hash": session.token_hash,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }
        async with self._database.transaction("open_session") as connection:
            await connection.execute(_OPEN, row)
            await connection.execute(
                _CLOSE_LEAST_USED,
                {"subject": session.subject, "id": session.id, "others": MAX_SESSIONS - 1},
            )

    async def rotate(
        self,
        session_id: str,
        *,
        token_hash: str,
        next_hash: str,
        now: int,
        expires_at: int,
        longest: int,
        grace: int,
    ) -> Rotation:
        """Exchange the token for the next one; a token that was exchanged before ends the session.

        The session then lasts until ``expires_at``, at most ``longest`` after its beginning.
        Within ``grace`` of an exchange the same token is only refused. Milliseconds throughout.
        """
        values = {
            "id": session_id,
            "token_hash": token_hash,
            "next_hash": next_hash,
            "now": now,
            "expires_at": expires_at,
            "longest": longest,
        }
        async with self._database.transaction("rotate_session") as connection:
            rotated = (await connection.execute(_ROTATE, values)).first()
            if rotated is not None:
                return await _rotated(connection, rotated.subject)
            found = (await connection.execute(_FIND, {"id": session_id})).first()
            if found is None or found.expires_at <= now:
                return Rotation("unknown")
            # Either sign: the clock of the replica that won may be ahead of ours.
            if found.previous_hash == token_hash and abs(now - found.rotated_at) <= grace:
                return Rotation("replaced")
            await connection.execute(_CLOSE, {"id": session_id})
            return Rotation("reused")

    async def close(self, session_id: str) -> None:
        async with self._database.transaction("close_session") as connection:
            await connection.execute(_CLOSE, {"id": session_id})

    async def purge(self, *, now: int, at_most: int) -> int:
        """Forget sessions that are over. Returns how many."""
        async with self._database.transaction("purge_sessions") as connection:
            purged = await connection.execute(_PURGE, {"now": now, "at_most": at_most})
            return purged.rowcount


async def _rotated(connection: AsyncConnection, subject: str) -> Rotation:
    if subject.startswith(GUEST_PREFIX):
        return Rotation("rotated", subject, ("guest",))
    account = (await connection.execute(_ROLES, {"subject": subject})).first()
    if account is None:
        return Rotation("unknown")
    roles: tuple[Role, ...] = ("user", "staff") if account.staff else ("user",)
    return Rotation("rotated", subject, roles)
