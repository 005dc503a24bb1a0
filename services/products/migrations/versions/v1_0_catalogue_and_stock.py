"""Categories, products with their stock, and reservations."""

from alembic import op

revision = "1.0"
down_revision = None


def upgrade() -> None:
    # Lists are ordered by the bytes of a text: the same everywhere, whatever the locale.
    bytewise = ' COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else ""
    op.execute("""
        CREATE TABLE categories (
            slug     TEXT PRIMARY KEY,
            name     TEXT NOT NULL,
            position INTEGER NOT NULL
        )
    """)
    op.execute(f"""
        CREATE TABLE products (
            sku          TEXT{bytewise} PRIMARY KEY,
            name         TEXT NOT NULL,
            summary      TEXT NOT NULL,
            description  TEXT NOT NULL,
            category     TEXT NOT NULL REFERENCES categories (slug),
            price_amount BIGINT NOT NULL CHECK (price_amount >= 0),
            currency     TEXT NOT NULL,
            available    INTEGER NOT NULL CHECK (available >= 0),
            weight_grams INTEGER,
            size         TEXT,
            sort_name    TEXT{bytewise} NOT NULL,
            search_text  TEXT NOT NULL,
            added_at     BIGINT NOT NULL,
            version      BIGINT NOT NULL
        )
    """)
    op.execute("CREATE INDEX products_by_name ON products (sort_name, sku)")
    op.execute("CREATE INDEX products_by_category ON products (category, sort_name, sku)")
    op.execute("CREATE INDEX products_by_price ON products (price_amount, sku)")
    op.execute("""
        CREATE TABLE reservations (
            order_id   TEXT PRIMARY KEY,
            status     TEXT NOT NULL,
            lines      TEXT NOT NULL,
            expires_at BIGINT NOT NULL
        )
    """)
    op.execute("""
        CREATE INDEX reservations_to_expire ON reservations (expires_at)
        WHERE status = 'reserved'
    """)
