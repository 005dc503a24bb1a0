"""Categories and products in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.stores.clock import in_milliseconds
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Row, Statement
from services.products.models import Category, Product, ProductDetails, Sort, image_path
from services.products.search import Word, search_terms

SELECT_CATEGORIES = Statement("""
    SELECT slug, categories.name AS name, count(products.sku) AS count
    FROM categories LEFT JOIN products ON products.category = categories.slug
    GROUP BY slug, categories.name, position
    ORDER BY position, slug
""")
SELECT_CATEGORY = Statement("SELECT slug FROM categories WHERE slug = :slug")
INSERT_CATEGORY = Statement("""
    INSERT INTO categories (slug, name, position) VALUES (:slug, :name, :position)
    ON CONFLICT (slug) DO NOTHING
""")

SELECT_PRODUCT = Statement("SELECT * FROM products WHERE sku = :sku")
SELECT_PRODUCTS = Statement("SELECT * FROM products WHERE sku IN :skus")
INSERT_PRODUCT = Statement("""
    INSERT INTO products (
        sku, name, summary, description, category, price_amount, currency, available,
        weight_grams, size, sort_name, search_text, search_terms, added_at, version
    ) VALUES (
        :sku, :name, :summary, :description, :category, :price_amount, :currency, :available,
        :weight_grams, :size, :sort_name, :search_text, :search_terms, :added_at, 1
    ) ON CONFLICT (sku) DO NOTHING RETURNING *
""")
UPDATE_PRODUCT = Statement("""
    UPDATE products SET
        name = :name, summary = :summary, description = :description, category = :category,
        price_amount = :price_amount, currency = :currency, weight_grams = :weight_grams,
        size = :size, sort_name = :sort_name, search_text = :search_text,
        search_terms = :search_terms, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
UPDATE_STOCK = Statement("""
    UPDATE products SET available = :available, version = version + 1
    WHERE sku = :sku AND (version = :version OR CAST(:any_version AS INTEGER) = 1)
    RETURNING *
""")
SELECT_SEARCHED_TEXT = Statement(
    "SELECT sku, name, summary, description, search_terms FROM products ORDER BY sku"
)
UPDATE_SEARCH_TERMS = Statement("UPDATE products SET search_terms = :search_terms WHERE sku = :sku")
SELECT_SEARCH_TERMS = Statement("SELECT search_terms FROM products WHERE search_terms IS NOT NULL")
SELECT_CURRENCIES = Statement("SELECT DISTINCT currency FROM products ORDER BY currency")

# The column of each order, and whether it is ascending.
SORT_COLUMNS = {
    Sort.NAME: ("sort_name", True),
    Sort.CHEAPEST: ("price_amount", True),
    Sort.DEAREST: ("price_amount", False),
    Sort.NEWEST: ("added_at", False),
}


@dataclass(frozen=True)
class StoredProduct:
    """A product as it is stored; every change raises ``version``, of its stock too."""

    product: Product
    version: int
    row: Row

    def sort_value(self, sort: Sort) -> str | int:
        """What a listing in this order sorts it by."""
        value: str | int = self.row[SORT_COLUMNS[sort][0]]
        return value


@dataclass(frozen=True)
class Listing:
    """Which products to list, and in which order. All ``words`` must occur in a product's text.

    Its ``repr`` is part of every cursor: another class or field name ends the cursors in use.
    """

    category: str | None = None
    words: tuple[Word, ...] = ()
    in_stock: bool = False
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = Sort.NAME


@dataclass(frozen=True)
class PagePosition:
    """Where a page begins: after the product with this sort value and SKU, or before it."""

    value: str | int
    sku: str
    backwards: bool = False


@dataclass(frozen=True)
class NewProduct:
    """A product to add."""

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
            rows = await connection.rows(SELECT_CATEGORIES)
        return [Category(**row) for row in rows]

    async def has_category(self, slug: str) -> bool:
        """Whether there is such a category."""
        async with self._database.reading("category") as connection:
            return await connection.first(SELECT_CATEGORY, {"slug": slug}) is not None

    async def find(self, sku: str) -> StoredProduct | None:
        """The product, or None."""
        async with self._database.reading("find_product") as connection:
            row = await connection.first(SELECT_PRODUCT, {"sku": sku})
        return None if row is None else _stored_product(row)

    async def find_many(self, skus: Sequence[str]) -> dict[str, Product]:
        """The products there are, by SKU."""
        async with self._database.reading("find_products") as connection:
            rows = await connection.rows(SELECT_PRODUCTS, {"skus": list(skus)})
        return {row["sku"]: _product(row) for row in rows}

    async def page(
        self, listing: Listing, *, limit: int, position: PagePosition | None = None
    ) -> list[StoredProduct]:
        """At most ``limit`` products from ``position`` on, in the order of the listing."""
        backwards = position is not None and position.backwards
        conditions, values = _conditions(listing)
        statement = _page_statement(listing.sort, conditions, position is not None, backwards)
        values["limit"] = limit
        if position is not None:
            values |= {"value": position.value, "sku": position.sku}
        async with self._database.reading("list_products") as connection:
            rows = await connection.rows(statement, values)
        found = [_stored_product(row) for row in rows]
        return found[::-1] if backwards else found

    async def count(self, listing: Listing) -> int:
        """How many products the whole listing has."""
        conditions, values = _conditions(listing)
        async with self._database.reading("count_products") as connection:
            return int(await connection.scalar(_count_statement(conditions), values))

    async def search_terms(self) -> list[str]:
        """The search terms of every product."""
        async with self._database.reading("search_terms") as connection:
            rows = await connection.rows(SELECT_SEARCH_TERMS)
        return [row["search_terms"] for row in rows]

    @retry_conflicts
    async def refresh_search_terms(self) -> int:
        """Recompute the search terms with today's rules. Returns how many products changed."""
        changed = 0
        async with self._database.transaction("renew_terms") as connection:
            for row in await connection.rows(SELECT_SEARCHED_TEXT):
                terms = search_terms((row["name"], row["summary"], row["description"]))
                if terms != row["search_terms"]:
                    values = {"sku": row["sku"], "search_terms": terms}
                    await connection.execute(UPDATE_SEARCH_TERMS, values)
                    changed += 1
        return changed

    @retry_conflicts
    async def add(self, new: NewProduct) -> Product | None:
        """Add a product; None when the SKU is taken already."""
        async with self._database.writing("add_product") as connection:
            row = await connection.first(INSERT_PRODUCT, _new_product_columns(new))
        return None if row is None else _product(row)

    @retry_conflicts
    async def change(
        self, sku: str, details: ProductDetails, *, version: int | None = None
    ) -> Product | None:
        """Change a product; None when it is not there, or no longer at ``version``."""
        values = _product_columns(sku, details) | _version_condition(version)
        async with self._database.writing("change_product") as connection:
            row = await connection.first(UPDATE_PRODUCT, values)
        return None if row is None else _product(row)

    @retry_conflicts
    async def set_stock(
        self, sku: str, available: int, *, version: int | None = None
    ) -> Product | None:
        """Set how many can be sold; None when it is not there, or no longer at ``version``."""
        values = {"sku": sku, "available": available} | _version_condition(version)
        async with self._database.writing("set_stock") as connection:
            row = await connection.first(UPDATE_STOCK, values)
        return None if row is None else _product(row)

    @retry_conflicts
    async def add_missing(
        self, categories: Sequence[tuple[str, str]], products: Sequence[NewProduct]
    ) -> int:
        """Add the categories (slug, name) and products that are missing, in one transaction.

        Returns how many products were added.
        """
        added = 0
        async with self._database.transaction("seed") as connection:
            for position, (slug, name) in enumerate(categories):
                values = {"slug": slug, "name": name, "position": position}
                await connection.execute(INSERT_CATEGORY, values)
            for new in sorted(products, key=lambda product: product.sku):
                row = await connection.first(INSERT_PRODUCT, _new_product_columns(new))
                added += row is not None
        return added

    async def price_currencies(self) -> list[str]:
        """The currencies of all prices in the store."""
        async with self._database.reading("currencies") as connection:
            rows = await connection.rows(SELECT_CURRENCIES)
        return [row["currency"] for row in rows]


def _conditions(listing: Listing) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The conditions of the WHERE clause, and the values in them."""
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
    """As typed anywhere in the text, or with each token at the beginning of a word."""
    values[name] = f"%{_escaped(word.written)}%"
    all_tokens = []
    for position, token in enumerate(word.tokens):
        any_form = []
        for number, form in enumerate(token):
            form_name = f"{name}_{position}_{number}"
            values[form_name] = f"% {_escaped(form)}%"
            any_form.append(f"search_terms LIKE :{form_name} ESCAPE '!'")
        all_tokens.append(f"({' OR '.join(any_form)})")
    as_written = f"search_text LIKE :{name} ESCAPE '!'"
    return f"({as_written} OR ({' AND '.join(all_tokens)}))" if all_tokens else as_written


@lru_cache(maxsize=256)
def _page_statement(
    sort: Sort, conditions: tuple[str, ...], after_position: bool, backwards: bool
) -> Statement:
    """The query for one shape of listing. Few shapes are in use, so they are cached."""
    column, ascending = SORT_COLUMNS[sort]
    # Equal values are ordered by ascending SKU in every listing.
    directions = {True: ("ASC", ">"), False: ("DESC", "<")}
    direction, beyond = directions[ascending is not backwards]
    sku_direction, sku_beyond = directions[not backwards]
    if after_position:
        conditions += (
            f"({column} {beyond} :value OR ({column} = :value AND sku {sku_beyond} :sku))",
        )
    return Statement(
        f"SELECT * FROM products{_where(conditions)}"
        f" ORDER BY {column} {direction}, sku {sku_direction} LIMIT :limit"
    )


@lru_cache(maxsize=256)
def _count_statement(conditions: tuple[str, ...]) -> Statement:
    return Statement(f"SELECT count(*) FROM products{_where(conditions)}")


def _where(conditions: tuple[str, ...]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _escaped(word: str) -> str:
    """The word with LIKE's wildcards escaped by ``!``."""
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _version_condition(version: int | None) -> dict[str, int]:
    return {"version": version or 0, "any_version": int(version is None)}


def _new_product_columns(new: NewProduct) -> dict[str, Any]:
    return {
        **_product_columns(new.sku, new.details),
        "available": new.available,
        "added_at": in_milliseconds(new.added_at),
    }


def _product_columns(sku: str, details: ProductDetails) -> dict[str, Any]:
    return {
        "sku": sku,
        **details.model_dump(exclude={"price"}),
        "price_amount": details.price.amount,
        "currency": details.price.currency,
        "sort_name": details.name.casefold(),
        "search_text": f"{details.name}\n{details.summary}\n{details.description}".casefold(),
        "search_terms": search_terms((details.name, details.summary, details.description)),
    }


def _stored_product(row: Row) -> StoredProduct:
    return StoredProduct(_product(row), row["version"], row)


def _product(row: Row) -> Product:
    return Product.model_validate(
        {
            "sku": row["sku"],
            "name": row["name"],
            "summary": row["summary"],
            "description": row["description"],
            "category": row["category"],
            "price": {"amount": row["price_amount"], "currency": row["currency"]},
            "available": row["available"],
            "image": image_path(row["sku"]),
            "weight_grams": row["weight_grams"],
            "size": row["size"],
        }
    )
