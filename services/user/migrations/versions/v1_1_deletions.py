"""Deleted accounts in the order they were deleted."""

from alembic import op

revision = "1.1"
down_revision = "1.0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX accounts_deleted ON accounts (deleted_at, id) WHERE deleted_at IS NOT NULL
        """
    )


def downgrade() -> None:
    op.execute("DROP INDEX accounts_deleted")
