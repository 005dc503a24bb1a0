"""The words of a product as a search compares them.

Empty where an older version of the code added the product: such rows are found by their
`search_text` until the seed program fills the column in.
"""

from alembic import op

revision = "1.1"
down_revision = "1.0"


def upgrade() -> None:
    op.execute("ALTER TABLE products ADD COLUMN search_terms TEXT")
