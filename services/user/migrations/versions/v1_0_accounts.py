"""Accounts, their sessions, the keys that sign tokens, and the state of the rate limits."""

import sqlalchemy as sa
from alembic import op

revision = "1.0"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text, primary_key=True),
        # A deleted account keeps its row, for the orders that name it, and nothing personal.
        sa.Column("email", sa.Text, unique=True, nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=True),
        sa.Column("staff", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        # An account or a guest; guests have no row of their own.
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.Text, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("rotated_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("sessions_by_subject", "sessions", ["subject"])
    op.create_index("sessions_by_expiry", "sessions", ["expires_at"])
    op.create_table(
        "signing_keys",
        # Two replicas that make the same generation: the primary key lets one win.
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.Text, unique=True, nullable=False),
        sa.Column("private_key", sa.Text, nullable=False),
        sa.Column("signs_from", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("clear_at", sa.BigInteger, nullable=False),
    )
    op.create_index("attempts_by_clear_at", "attempts", ["clear_at"])
    op.create_table(
        "known_clients",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("known_clients_by_expiry", "known_clients", ["expires_at"])


def downgrade() -> None:
    for table in ("known_clients", "attempts", "signing_keys", "sessions", "accounts"):
        op.drop_table(table)
