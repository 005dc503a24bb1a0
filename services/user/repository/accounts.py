"""Accounts: unique by e-mail address; a deleted account keeps its row without personal data."""

from collections.abc import Sequence

from app.errors import Conflict
from app.stores.database import Database, retry_conflicts
from app.stores.errors import IntegrityError
from app.stores.statements import Connection, Row, Statement
from services.user.models import Account, Deletion

ACCOUNT_COLUMNS = "id, email, name, password_hash, staff, created_at"

INSERT_ACCOUNT = Statement(
    f"INSERT INTO accounts ({ACCOUNT_COLUMNS})"
    " VALUES (:id, :email, :name, :password_hash, :staff, :created_at)"
    " ON CONFLICT (email) DO NOTHING RETURNING id"
)
SELECT_BY_EMAIL = Statement(f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE email = :email")
SELECT_BY_SESSION = Statement(
    f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE id = :id AND deleted_at IS NULL"
    " AND EXISTS (SELECT 1 FROM sessions WHERE sessions.id = :session_id"
    " AND sessions.subject = accounts.id AND sessions.expires_at > :now)"
)
UPDATE_ACCOUNT = Statement(
    "UPDATE accounts SET email = COALESCE(CAST(:email AS TEXT), email),"
    " name = COALESCE(CAST(:name AS TEXT), name),"
    " password_hash = COALESCE(CAST(:password_hash AS TEXT), password_hash)"
    " WHERE id = :id AND password_hash = :expected_hash"
    f" RETURNING {ACCOUNT_COLUMNS}"
)
MAKE_STAFF = Statement(
    "UPDATE accounts SET staff = 1, password_hash = :password_hash WHERE email = :email"
    " RETURNING id"
)
ANONYMISE = Statement(
    "UPDATE accounts SET email = NULL, name = '', password_hash = NULL, staff = 0,"
    " deleted_at = :now WHERE id = :id AND deleted_at IS NULL"
)
SELECT_DELETED = Statement(
    "SELECT id, deleted_at FROM accounts WHERE deleted_at IS NOT NULL AND deleted_at <= :until"
    " AND (deleted_at, id) > (CAST(:deleted_at AS BIGINT), :id)"
    " ORDER BY deleted_at, id LIMIT :limit"
)
DELETE_SESSIONS = Statement("DELETE FROM sessions WHERE subject = :id AND id <> :kept")


class EmailTaken(Conflict):
    """There is an account with this e-mail address."""

    type = "email-taken"
    title = "The e-mail address is taken"


class AccountRepository:
    """Every method raises `app.stores.errors.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_conflicts
    async def add(self, account: Account) -> None:
        """Raises `EmailTaken`."""
        row = {name: getattr(account, name) for name in ACCOUNT_COLUMNS.split(", ")}
        async with self._database.writing("add_account") as connection:
            values = {**row, "staff": int(account.staff)}
            if await connection.first(INSERT_ACCOUNT, values) is None:
                raise _taken()

    async def by_email(self, email: str) -> Account | None:
        async with self._database.reading("account_by_email") as connection:
            return _account(await connection.first(SELECT_BY_EMAIL, {"email": email}))

    async def by_session(self, account_id: str, session_id: str, *, now: int) -> Account | None:
        """The account, if it exists and this session of it is not over."""
        key = {"id": account_id, "session_id": session_id, "now": now}
        async with self._database.reading("account_by_session") as connection:
            return _account(await connection.first(SELECT_BY_SESSION, key))

    @retry_conflicts
    async def change(
        self,
        account: Account,
        *,
        session_id: str,
        email: str | None,
        name: str | None,
        password_hash: str | None,
    ) -> Account | None:
        """Change the fields that are not None; a new password ends all sessions but this one.

        None if the account was deleted or got another password since it was read. Raises
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
                changed = _account(await connection.first(UPDATE_ACCOUNT, values))
                if changed is not None and password_hash is not None:
                    await _end_sessions(connection, account.id, kept=session_id)
                return changed
        except IntegrityError as error:
            raise _taken() from error

    @retry_conflicts
    async def make_staff(self, email: str, password_hash: str) -> None:
        """Make the account staff, with this password, and end its sessions."""
        values = {"email": email, "password_hash": password_hash}
        async with self._database.transaction("appoint_staff") as connection:
            row = await connection.first(MAKE_STAFF, values)
            if row is not None:
                await _end_sessions(connection, row["id"], kept="")

    @retry_conflicts
    async def anonymise(self, account_id: str, *, now: int) -> None:
        """Remove all personal data, and end the account's sessions."""
        async with self._database.transaction("empty_account") as connection:
            await connection.execute(ANONYMISE, {"id": account_id, "now": now})
            await _end_sessions(connection, account_id, kept="")

    async def deleted(
        self, *, after: tuple[int, str], until: int, limit: int
    ) -> Sequence[Deletion]:
        """The accounts deleted up to ``until``, after the one at ``after``, exclusive.

        The oldest come first.
        """
        values = {"deleted_at": after[0], "id": after[1], "until": until, "limit": limit}
        async with self._database.reading("deleted_accounts") as connection:
            rows = await connection.rows(SELECT_DELETED, values)
        return [Deletion(row["id"], row["deleted_at"]) for row in rows]


async def _end_sessions(connection: Connection, account_id: str, *, kept: str) -> None:
    await connection.execute(DELETE_SESSIONS, {"id": account_id, "kept": kept})


def _account(row: Row | None) -> Account | None:
    if row is None:
        return None
    return Account(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        password_hash=row["password_hash"],
        staff=bool(row["staff"]),
        created_at=row["created_at"],
    )


def _taken() -> EmailTaken:
    return EmailTaken("There is an account with this e-mail address: log in instead.")
