"""Categories and products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, TextClause, bindparam, text

from app.stores.sql import Database
from services.products.models import Category, Money, Product, ProductDetails, Sort, image_path

CATEGORIES = text("""
    SELECT slug, categories.name AS name, count(products.sku) AS count
    FROM categories LEFT JOIN products ON products.category = categories.slug
    GROUP BY slug, categories.name, position
    ORDER BY position, slug
""")
CATEGORY = text("SELECT slug FROM categories WHERE slug = :slug")
ADD_CATEGORY = text("""
    INSERT INTO categories (slug, name, position) VALUES (:slug, :name, :position)
    ON CONFLICT (slug) DO NOTHING
""")

FIND = text("SELECT * FROM products WHERE sku = :sku")
FIND_MANY = text("SELECT * FROM products WHERE sku IN :skus").bindparams(
    bindparam("skus", expanding=True)
)
INSERT = text("""
    INSERT INTO products (
        sku, name, summary, description, category, price_amount, currency, available,
        weight_grams, size, sort_name, search_text, added_at, version
    ) VALUES (
        :sku, :name, :summary, :description, :category, :price_amount, :currency, :available,
        :weight_grams, :size, :sort_name, :search_text, :added_at, 1
    ) ON CONFLICT (sku) DO NOTHING RETURNING *
""")
CHANGE = text("""
    UPDATE products SET
        name = :name, summary = :summary, description = :description, category = :category,
        price_amount = :price_amount, currency = :currency, weight_grams = :weight_grams,
        size = :size, sort_name = :sort_name, search_text = :search_text, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
SET_STOCK = text("""
    UPDATE products SET available = :available, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
CURRENCIES = text("SELECT DISTINCT currency FROM products ORDER BY currency")

# What each order compares, and whether it runs upwards.
SORT_COLUMNS = {
    Sort.NAME: ("sort_name", True),
    Sort.CHEAPEST: ("price_amount", True),
    Sort.DEAREST: ("price_amount", False),
    Sort.NEWEST: ("added_at", False),
}


@dataclass(frozen=True)
class Stored:
    """A product as it is kept; ``version`` grows with every change, stock included."""

    product: Product
    version: int
    sort_values: Mapping[Sort, str | int]


@dataclass(frozen=True)
class Listing:
    """Which products, in which order. All ``words`` must occur somewhere in a product's text."""

    category: str | None = None
    words: tuple[str, ...] = ()
    sort: Sort = Sort.NAME


@dataclass(frozen=True)
class NewProduct:
    """A product to begin with."""

    sku: str
    details: ProductDetails
    available: int
    added_at: datetime


class CatalogueRepository:
    """Reads and changes the catalogue. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def categories(self) -> list[Category]:
        """All categories with the number of products in each, empty ones too."""
        async with self._database.reading("categories") as connection:
            rows = (await connection.execute(CATEGORIES)).mappings().all()
        return [Category(**row) for row in rows]

    async def has_category(self, slug: str) -> bool:
        """Whether there is such a category."""
        async with self._database.reading("category") as connection:
            return (await connection.execute(CATEGORY, {"slug": slug})).first() is not None

    async def find(self, sku: str) -> Stored | None:
        """The product, or None."""
        async with self._database.reading("find_product") as connection:
            row = (await connection.execute(FIND, {"sku": sku})).mappings().first()
        return None if row is None else _stored(row)

    async def find_many(self, skus: Sequence[str]) -> dict[str, Product]:
        """The products there are, by SKU."""
        async with self._database.reading("find_products") as connection:
            rows = (await connection.execute(FIND_MANY, {"skus": list(skus)})).mappings().all()
        return {row["sku"]: _stored(row).product for row in rows}

    async def page(
        self, listing: Listing, *, limit: int, after: tuple[str | int, str] | None = None
    ) -> list[Stored]:
        """At most ``limit`` products; ``after`` is the sort value and SKU of the last one seen."""
        statement = _page_statement(
            listing.sort, listing.category is not None, len(listing.words), after is not None
        )
        values: dict[str, Any] = {"limit": limit}
        if listing.category is not None:
            values["category"] = listing.category
        for number, word in enumerate(listing.words):
            values[f"word{number}"] = f"%{_escaped(word.casefold())}%"
        if after is not None:
            values["value"], values["sku"] = after
        async with self._database.reading("list_products") as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return [_stored(row) for row in rows]

    async def add(self, new: NewProduct) -> Product | None:
        """Add a product; None when the SKU is taken already."""
        async with self._database.transaction("add_product") as connection:
            row = (await connection.execute(INSERT, _new_row(new))).mappings().first()
        return None if row is None else _stored(row).product

    async def change(
        self, sku: str, details: ProductDetails, *, version: int | None = None
    ) -> Product | None:
        """Change a product; None when it is not there, or no longer at ``version``."""
        values = _columns(sku, details) | _expected(version)
        async with self._database.transaction("change_product") as connection:
            row = (await connection.execute(CHANGE, values)).mappings().first()
        return None if row is None else _stored(row).product

    async def set_stock(
        self, sku: str, available: int, *, version: int | None = None
    ) -> Product | None:
        """Say how many can be sold; None when it is not there, or no longer at ``version``."""
        values = {"sku": sku, "available": available} | _expected(version)
        async with self._database.transaction("set_stock") as connection:
            row = (await connection.execute(SET_STOCK, values)).mappings().first()
        return None if row is None else _stored(row).product

    async def add_missing(
        self, categories: Sequence[tuple[str, str]], products: Sequence[NewProduct]
    ) -> int:
        """Add the categories (slug, name) and products that are not there, all or none.

        Returns how many products were added.
        """
        added = 0
        async with self._database.transaction("seed") as connection:
            for position, (slug, name) in enumerate(categories):
                values = {"slug": slug, "name": name, "position": position}
                await connection.execute(ADD_CATEGORY, values)
            for new in sorted(products, key=lambda product: product.sku):
                row = (await connection.execute(INSERT, _new_row(new))).first()
                added += row is not None
        return added

    async def currencies(self) -> list[str]:
        """The currencies in which there are prices."""
        async with self._database.reading("currencies") as connection:
            return list((await connection.execute(CURRENCIES)).scalars())


@cache
def _page_statement(sort: Sort, in_category: bool, words: int, continued: bool) -> TextClause:
    """The query for one shape of list; shapes are few, so each is built once."""
    column, upwards = SORT_COLUMNS[sort]
    conditions = ["category = :category"] if in_category else []
    conditions += [f"search_text LIKE :word{number} ESCAPE '!'" for number in range(words)]
    if continued:
        beyond = ">" if upwards else "<"
        conditions.append(f"({column} {beyond} :value OR ({column} = :value AND sku > :sku))")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    direction = "ASC" if upwards else "DESC"
    return text(f"SELECT * FROM products {where} ORDER BY {column} {direction}, sku LIMIT :limit")


def _escaped(word: str) -> str:
    """The word with LIKE's own signs taken literally; ``!`` is the escape."""
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _expected(version: int | None) -> dict[str, int]:
    return {"version": version or 0, "any_version": int(version is None)}


def _new_row(new: NewProduct) -> dict[str, Any]:
    return {
        **_columns(new.sku, new.details),
        "available": new.available,
        "added_at": round(new.added_at.timestamp() * 1000),
    }


def _columns(sku: str, details: ProductDetails) -> dict[str, Any]:
    return {
        "sku": sku,
        **details.model_dump(exclude={"price"}),
        "price_amount": details.price.amount,
        "currency": details.price.currency,
        "sort_name": details.name.casefold(),
        "search_text": f"{details.name}\n{details.summary}\n{details.description}".casefold(),
    }


def _stored(row: RowMapping) -> Stored:
    product = Product(
        sku=row["sku"],
        name=row["name"],
        summary=row["summary"],
        description=row["description"],
        category=row["category"],
        price=Money(amount=row["price_amount"], currency=row["currency"]),
        available=row["available"],
        image=image_path(row["sku"]),
        weight_grams=row["weight_grams"],
        size=row["size"],
    )
    sort_values = {sort: row[column] for sort, (column, _) in SORT_COLUMNS.items()}
    return Stored(product, row["version"], sort_values)
