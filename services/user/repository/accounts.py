"""Accounts: unique by e-mail address, emptied rather than removed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Conflict
from app.stores.sql import Database
from services.user.models import Account, Deletion

_COLUMNS = "id, email, name, password_hash, staff, created_at"

_ADD = text(
    f"INSERT INTO accounts ({_COLUMNS})"
    " VALUES (:id, :email, :name, :password_hash, :staff, :created_at)"
    " ON CONFLICT (email) DO NOTHING RETURNING id"
)
_BY_EMAIL = text(f"SELECT {_COLUMNS} FROM accounts WHERE email = :email")
_BY_SESSION = text(
    f"SELECT {_COLUMNS} FROM accounts WHERE id = :id AND deleted_at IS NULL"
    " AND EXISTS (SELECT 1 FROM sessions WHERE sessions.id = :session_id"
    " AND sessions.subject = accounts.id AND sessions.expires_at > :now)"
)
_CHANGE = text(
    "UPDATE accounts SET email = COALESCE(CAST(:email AS TEXT), email),"
    " name = COALESCE(CAST(:name AS TEXT), name),"
    " password_hash = COALESCE(CAST(:password_hash AS TEXT), password_hash)"
    " WHERE id = :id AND password_hash = :expected_hash"
    f" RETURNING {_COLUMNS}"
)
_APPOINT = text(
    "UPDATE accounts SET staff = 1, password_hash = :password_hash WHERE email = :email"
    " RETURNING id"
)
_EMPTY = text(
    "UPDATE accounts SET email = NULL, name = '', password_hash = NULL, staff = 0,"
    " deleted_at = :now WHERE id = :id AND deleted_at IS NULL"
)
_DELETED = text(
    "SELECT id, deleted_at FROM accounts WHERE deleted_at IS NOT NULL AND deleted_at <= :until"
    " AND (deleted_at, id) > (CAST(:deleted_at AS BIGINT), :id)"
    " ORDER BY deleted_at, id LIMIT :limit"
)
_END_SESSIONS = text("DELETE FROM sessions WHERE subject = :id AND id <> :kept")


class EmailTaken(Conflict):
    """Somebody has an account with this address."""

    type = "email-taken"
    title = "The e-mail address is taken"


class Accounts:
    """Every method raises `app.stores.sql.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: Account) -> None:
        """Raises `EmailTaken`."""
        row = {name: getattr(account, name) for name in _COLUMNS.split(", ")}
        async with self._database.transaction("add_account") as connection:
            added = await connection.execute(_ADD, {**row, "staff": int(account.staff)})
            if added.first() is None:
                raise _taken()

    async def by_email(self, email: str) -> Account | None:
        async with self._database.reading("account_by_email") as connection:
            return _account((await connection.execute(_BY_EMAIL, {"email": email})).first())

    async def by_session(self, account_id: str, session_id: str, *, now: int) -> Account | None:
        """The account, if it is there and this session of it is not over."""
        key = {"id": account_id, "session_id": session_id, "now": now}
        async with self._database.reading("account_by_session") as connection:
            return _account((await connection.execute(_BY_SESSION, key)).first())

    async def change(
        self,
        account: Account,
        *,
        session_id: str,
        email: str | None,
        name: str | None,
        password_hash: str | None,
    ) -> Account | None:
        """Change what is not None; a new password ends all sessions but this one.

        None if the account was deleted, or got another password, since it was read. Raises
        `EmailTaken`.
        """
        values = {
            "id": account.id,
            "expected_hash": account.password_hash,
            "email": email,
            "name": name,
            "password_hash": password_hash,
        }
        try:
            async with self._database.transaction("change_account") as connection:
                changed = _account((await connection.execute(_CHANGE, values)).first())
                if changed is not None and password_hash is not None:
                    await _end_sessions(connection, account.id, kept=session_id)
                return changed
        except IntegrityError as error:
            raise _taken() from error

    async def appoint(self, email: str, password_hash: str) -> None:
        """Make the account staff, with this password; whoever had it before is out."""
        values = {"email": email, "password_hash": password_hash}
        async with self._database.transaction("appoint_staff") as connection:
            row = (await connection.execute(_APPOINT, values)).first()
            if row is not None:
                await _end_sessions(connection, row.id, kept="")

    async def empty(self, account_id: str, *, now: int) -> None:
        """Forget who it was, and end every session."""
        async with self._database.transaction("empty_account") as connection:
            await connection.execute(_EMPTY, {"id": account_id, "now": now})
            await _end_sessions(connection, account_id, kept="")

    async def deleted(
        self, *, after: tuple[int, str], until: int, limit: int
    ) -> Sequence[Deletion]:
        """Accounts deleted up to ``until``, in the order they were, behind the one ``after``."""
        values = {"deleted_at": after[0], "id": after[1], "until": until, "limit": limit}
        async with self._database.reading("deleted_accounts") as connection:
            rows = await connection.execute(_DELETED, values)
            return [Deletion(row.id, row.deleted_at) for row in rows]


async def _end_sessions(connection: AsyncConnection, account_id: str, *, kept: str) -> None:
    await connection.execute(_END_SESSIONS, {"id": account_id, "kept": kept})


def _account(row: Row[Any] | None) -> Account | None:
    if row is None:
        return None
    return Account(
        id=row.id,
        email=row.email,
        name=row.name,
        password_hash=row.password_hash,
        staff=bool(row.staff),
        created_at=row.created_at,
    )


def _taken() -> EmailTaken:
    return EmailTaken("There is an account with this e-mail address: log in instead.")
