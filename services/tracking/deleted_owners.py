"""Accounts that were deleted, kept until none of their orders has a name or address."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.stores.clock import in_milliseconds
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Statement
from services.tracking.clients import DeletedAccount
from services.tracking.models import OutcomeKind, StoredOrder, anonymous
from services.tracking.repository import OUTCOME_CODES

LIST = "deletions"

SELECT_CURSOR = Statement("SELECT cursor FROM read_lists WHERE name = :name")
KEEP_CURSOR = Statement(
    """
    INSERT INTO read_lists (name, cursor) VALUES (:name, :cursor)
    ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor
    """
)
INSERT_OWNER = Statement(
    """
    INSERT INTO deleted_owners (owner, deleted_at, due_at) VALUES (:owner, :deleted_at, 0)
    ON CONFLICT (owner) DO UPDATE SET due_at = 0
    """
)
SELECT_DUE = Statement(
    """
    SELECT owner, deleted_at FROM deleted_owners WHERE due_at <= :now
    ORDER BY due_at, owner LIMIT :limit
    """
)
SELECT_TO_ANONYMISE = Statement(
    "SELECT id FROM orders WHERE owner = :owner AND anonymised_at IS NULL ORDER BY id"
)
# The outcome kept for the checkout's key has the address in it, and an address can be guessed from
# its hash. The outcome of a refused checkout has no address.
ANONYMISE = Statement(
    """
    UPDATE orders SET address = :address, payload_hash = '', anonymised_at = :now,
        reply_body = CASE WHEN reply_status <> :refused THEN CAST(:reply_body AS TEXT)
            ELSE reply_body END
    WHERE id = :id
    """
)
POSTPONE = Statement("UPDATE deleted_owners SET due_at = :due_at WHERE owner = :owner")
FORGET_OWNER = Statement("DELETE FROM deleted_owners WHERE owner = :owner")


@dataclass(frozen=True, slots=True)
class DeletedOwner:
    """``deleted_at`` is in epoch milliseconds."""

    owner: str
    deleted_at: int


class DeletedOwners:
    """Every method may raise `StoreUnavailable`. Times are epoch milliseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cursor(self) -> str | None:
        """Where to read on in the list of deleted accounts."""
        async with self._database.reading("deletions_cursor") as connection:
            cursor: str | None = await connection.scalar(SELECT_CURSOR, {"name": LIST})
            return cursor

    @retry_conflicts
    async def remember(self, accounts: Sequence[DeletedAccount], *, cursor: str | None) -> None:
        """Store these accounts and the new ``cursor``, in one transaction."""
        async with self._database.transaction("note_deletions") as connection:
            for account in sorted(accounts, key=lambda one: one.subject):
                deleted_at = in_milliseconds(account.deleted_at)
                values = {"owner": account.subject, "deleted_at": deleted_at}
                await connection.execute(INSERT_OWNER, values)
            await connection.execute(KEEP_CURSOR, {"name": LIST, "cursor": cursor})

    async def due(self, *, now: int, limit: int) -> Sequence[DeletedOwner]:
        """Owners whose orders are to be checked now."""
        async with self._database.reading("due_deletions") as connection:
            rows = await connection.rows(SELECT_DUE, {"now": now, "limit": limit})
        return [DeletedOwner(row["owner"], row["deleted_at"]) for row in rows]

    async def orders_to_anonymise(self, owner: str) -> Sequence[str]:
        """Ids of the owner's orders that still have a name and address."""
        async with self._database.reading("naming_orders") as connection:
            rows = await connection.rows(SELECT_TO_ANONYMISE, {"owner": owner})
        return [row["id"] for row in rows]

    @retry_conflicts
    async def anonymise(self, order: StoredOrder, *, now: int) -> None:
        """Remove name and address from an order that is final. Safe to repeat."""
        address = anonymous(order.address)
        view = order.owner_view().model_copy(update={"address": address})
        values = {
            "id": order.id,
            "address": address.model_dump_json(),
            "reply_body": view.model_dump_json(),
            "refused": OUTCOME_CODES[OutcomeKind.REFUSED],
            "now": now,
        }
        async with self._database.writing("anonymise_order") as connection:
            await connection.execute(ANONYMISE, values)

    @retry_conflicts
    async def postpone(self, owner: str, *, due_at: int) -> None:
        """Check the owner's orders again at ``due_at``."""
        async with self._database.writing("postpone_deletion") as connection:
            await connection.execute(POSTPONE, {"owner": owner, "due_at": due_at})

    @retry_conflicts
    async def forget(self, owner: str) -> None:
        """Remove an owner whose orders are all anonymised."""
        async with self._database.writing("forget_deletion") as connection:
            await connection.execute(FORGET_OWNER, {"owner": owner})
