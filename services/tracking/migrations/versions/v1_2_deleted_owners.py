"""Owners whose accounts were deleted, and which of their orders name nobody any more."""

from alembic import op

revision = "1.2"
down_revision = "1.1"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE orders ADD COLUMN anonymised_at BIGINT",
    # What is left to do: a row goes when none of its owner's orders names anybody and no new
    # one can come. `due_at` is when to look at it next.
    """
    CREATE TABLE deleted_owners (
        owner TEXT PRIMARY KEY,
        deleted_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX deleted_owners_due ON deleted_owners (due_at)",
    # How far we have read a neighbour's list.
    "CREATE TABLE read_lists (name TEXT PRIMARY KEY, cursor TEXT)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE read_lists")
    op.execute("DROP TABLE deleted_owners")
    op.execute("ALTER TABLE orders DROP COLUMN anonymised_at")
