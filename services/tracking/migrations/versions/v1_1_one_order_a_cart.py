"""One order that is not cancelled from each state of a cart, and one checkout at a time."""

from alembic import op

revision = "1.1"
down_revision = "1.0"
branch_labels = None
depends_on = None

STATEMENTS = (
    # NULL in orders of the version before, which nothing is compared with.
    "ALTER TABLE orders ADD COLUMN cart_version BIGINT",
    "ALTER TABLE orders ADD COLUMN cart_updated_at BIGINT",
    "ALTER TABLE orders ADD COLUMN ordinal BIGINT",
    """
    CREATE UNIQUE INDEX orders_of_cart ON orders (owner, cart_version, cart_updated_at)
    WHERE status <> 'cancelled'
    """,
    """
    CREATE UNIQUE INDEX orders_in_turn ON orders (owner, ordinal)
    WHERE status <> 'cancelled'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX orders_in_turn")
    op.execute("DROP INDEX orders_of_cart")
    for column in ("ordinal", "cart_updated_at", "cart_version"):
        op.execute(f"ALTER TABLE orders DROP COLUMN {column}")
