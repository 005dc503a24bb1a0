"""A number for each order of an owner, cancelled ones included, and the takes to be undone."""

from alembic import op

revision = "1.3"
down_revision = "1.2"
branch_labels = None
depends_on = None

STATEMENTS = (
    # NULL in orders of the version before.
    "ALTER TABLE orders ADD COLUMN number BIGINT",
    "CREATE UNIQUE INDEX orders_by_number ON orders (owner, number)",
    "CREATE INDEX orders_with_late_take ON orders (owner) WHERE step = 'cancel-take'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX orders_with_late_take")
    op.execute("DROP INDEX orders_by_number")
    op.execute("ALTER TABLE orders DROP COLUMN number")
