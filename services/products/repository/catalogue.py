"""Categories and products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping, TextClause, bindparam, text

from app.stores.clock import in_milliseconds
from app.stores.sql import Database
from services.products.models import Category, Money, Product, ProductDetails, Sort, image_path
from services.products.search import Word, search_terms

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
        weight_grams, size, sort_name, search_text, search_terms, added_at, version
    ) VALUES (
        :sku, :name, :summary, :description, :category, :price_amount, :currency, :available,
        :weight_grams, :size, :sort_name, :search_text, :search_terms, :added_at, 1
    ) ON CONFLICT (sku) DO NOTHING RETURNING *
""")
CHANGE = text("""
    UPDATE products SET
        name = :name, summary = :summary, description = :description, category = :category,
        price_amount = :price_amount, currency = :currency, weight_grams = :weight_grams,
        size = :size, sort_name = :sort_name, search_text = :search_text,
        search_terms = :search_terms, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
SET_STOCK = text("""
    UPDATE products SET available = :available, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
SEARCHED = text("SELECT sku, name, summary, description, search_terms FROM products ORDER BY sku")
SET_TERMS = text("UPDATE products SET search_terms = :search_terms WHERE sku = :sku")
TERMS = text("SELECT search_terms FROM products WHERE search_terms IS NOT NULL")
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
    words: tuple[Word, ...] = ()
    in_stock: bool = False
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = Sort.NAME


@dataclass(frozen=True)
class Place:
    """Where a page begins: beyond a product's sort value and SKU, or just before them."""

    value: str | int
    sku: str
    backwards: bool = False


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
        self, listing: Listing, *, limit: int, place: Place | None = None
    ) -> list[Stored]:
        """At most ``limit`` products next to ``place``, in the order of the list."""
        backwards = place is not None and place.backwards
        conditions, values = _conditions(listing)
        statement = _page_statement(listing.sort, conditions, place is not None, backwards)
        values["limit"] = limit
        if place is not None:
            values |= {"value": place.value, "sku": place.sku}
        async with self._database.reading("list_products") as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        found = [_stored(row) for row in rows]
        return found[::-1] if backwards else found

    async def count(self, listing: Listing) -> int:
        """How many products are in the whole list."""
        conditions, values = _conditions(listing)
        async with self._database.reading("count_products") as connection:
            counted = await connection.execute(_count_statement(conditions), values)
            return int(counted.scalar_one())

    async def terms(self) -> list[str]:
        """The search terms of every product."""
        async with self._database.reading("search_terms") as connection:
            return list((await connection.execute(TERMS)).scalars())

    async def renew_terms(self) -> int:
        """Bring the search terms up to date with the code; returns how many products changed."""
        changed = 0
        async with self._database.transaction("renew_terms") as connection:
            for row in (await connection.execute(SEARCHED)).all():
                terms = search_terms((row.name, row.summary, row.description))
                if terms != row.search_terms:
                    values = {"sku": row.sku, "search_terms": terms}
                    await connection.execute(SET_TERMS, values)
                    changed += 1
        return changed

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


def _conditions(listing: Listing) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What a product of the list fulfils, and the values in it."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if listing.category is not None:
        conditions.append("category = :category")
        values["category"] = listing.category
    if listing.in_stock:
        conditions.append("available > 0")
    if listing.min_price is not None:
        conditions.append("price_amount >= :min_price")
        values["min_price"] = listing.min_price
    if listing.max_price is not None:
        conditions.append("price_amount <= :max_price")
        values["max_price"] = listing.max_price
    for number, word in enumerate(listing.words):
        conditions.append(_word_condition(f"word{number}", word, values))
    return tuple(conditions), values


def _word_condition(name: str, word: Word, values: dict[str, Any]) -> str:
    """As it was typed anywhere in the text, or each of its tokens at the beginning of a word."""
    values[name] = f"%{_escaped(word.written)}%"
    all_tokens = []
    for place, token in enumerate(word.tokens):
        any_form = []
        for number, form in enumerate(token):
            form_name = f"{name}_{place}_{number}"
            values[form_name] = f"% {_escaped(form)}%"
            any_form.append(f"search_terms LIKE :{form_name} ESCAPE '!'")
        all_tokens.append(f"({' OR '.join(any_form)})")
    as_written = f"search_text LIKE :{name} ESCAPE '!'"
    return f"({as_written} OR ({' AND '.join(all_tokens)}))" if all_tokens else as_written


@lru_cache(maxsize=256)
def _page_statement(
    sort: Sort, conditions: tuple[str, ...], continued: bool, backwards: bool
) -> TextClause:
    """The query for one shape of list; the usual shapes are few, so they are kept."""
    column, upwards = SORT_COLUMNS[sort]
    # SKUs break ties upwards in every list.
    ways = {True: ("ASC", ">"), False: ("DESC", "<")}
    direction, beyond = ways[upwards is not backwards]
    sku_direction, sku_beyond = ways[not backwards]
    if continued:
        conditions += (
            f"({column} {beyond} :value OR ({column} = :value AND sku {sku_beyond} :sku))",
        )
    return text(
        f"SELECT * FROM products{_where(conditions)}"
        f" ORDER BY {column} {direction}, sku {sku_direction} LIMIT :limit"
    )


@lru_cache(maxsize=256)
def _count_statement(conditions: tuple[str, ...]) -> TextClause:
    return text(f"SELECT count(*) FROM products{_where(conditions)}")


def _where(conditions: tuple[str, ...]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _escaped(word: str) -> str:
    """The word with LIKE's own signs taken literally; ``!`` is the escape."""
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _expected(version: int | None) -> dict[str, int]:
    return {"version": version or 0, "any_version": int(version is None)}


def _new_row(new: NewProduct) -> dict[str, Any]:
    return {
        **_columns(new.sku, new.details),
        "available": new.available,
        "added_at": in_milliseconds(new.added_at),
    }


def _columns(sku: str, details: ProductDetails) -> dict[str, Any]:
    return {
        "sku": sku,
        **details.model_dump(exclude={"price"}),
        "price_amount": details.price.amount,
        "currency": details.price.currency,
        "sort_name": details.name.casefold(),
        "search_text": f"{details.name}\n{details.summary}\n{details.description}".casefold(),
        "search_terms": search_terms((details.name, details.summary, details.description)),
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
