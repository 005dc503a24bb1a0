"""Orders, their checkouts' steps, shipments, the stub's payments, and leases."""

from alembic import op

revision = "1.0"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # `due_at` is when somebody else may take an order up: the sweeper while `step` is not
    # done, the courier after that. `strikes` counts surprises; five park the order.
    """
    CREATE TABLE orders (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        payload_hash TEXT NOT NULL,
        reply_status INTEGER,
        reply_body TEXT,
        status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'cancelled')),
        step TEXT NOT NULL,
        version INTEGER NOT NULL,
        reason TEXT,
        total_amount BIGINT NOT NULL,
        currency TEXT NOT NULL,
        lines TEXT NOT NULL,
        address TEXT NOT NULL,
        shipment_status TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        created_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        strikes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (owner, idempotency_key)
    )
    """,
    "CREATE INDEX orders_of_owner ON orders (owner, created_at DESC, id DESC)",
    "CREATE INDEX orders_unfinished ON orders (due_at) WHERE step <> 'done'",
    """
    CREATE INDEX orders_under_way ON orders (due_at)
    WHERE status = 'confirmed' AND shipment_status <> 'delivered'
    """,
    """
    CREATE TABLE order_steps (
        order_id TEXT NOT NULL REFERENCES orders (id),
        version INTEGER NOT NULL,
        step TEXT NOT NULL,
        event TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (order_id, version, step, event)
    )
    """,
    """
    CREATE TABLE shipment_events (
        order_id TEXT NOT NULL REFERENCES orders (id),
        sequence INTEGER NOT NULL,
        status TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (order_id, sequence)
    )
    """,
    # The payment provider's own books: no reference to our orders on purpose.
    """
    CREATE TABLE payments (
        order_id TEXT PRIMARY KEY,
        amount BIGINT NOT NULL,
        currency TEXT NOT NULL,
        status TEXT NOT NULL,
        changed_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        expires_at BIGINT NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("leases", "payments", "shipment_events", "order_steps", "orders"):
        op.execute(f"DROP TABLE {table}")
