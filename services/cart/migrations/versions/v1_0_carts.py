"""Carts, idempotency keys of adds, and orders whose lines were taken."""

from alembic import op

revision = "1.0"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE carts (
        subject TEXT PRIMARY KEY,
        version BIGINT NOT NULL,
        quantities TEXT NOT NULL,
        updated_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE remembered_adds (
        subject TEXT NOT NULL,
        key TEXT NOT NULL,
        request TEXT NOT NULL,
        cart TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (subject, key)
    )
    """,
    """
    CREATE TABLE taken_orders (
        subject TEXT NOT NULL,
        order_id TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (subject, order_id)
    )
    """,
    "CREATE INDEX carts_expired ON carts (expires_at)",
    "CREATE INDEX remembered_adds_expired ON remembered_adds (expires_at)",
    "CREATE INDEX taken_orders_expired ON taken_orders (expires_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("taken_orders", "remembered_adds", "carts"):
        op.execute(f"DROP TABLE {table}")
