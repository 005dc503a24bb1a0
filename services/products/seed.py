"""Adds the catalogue's products to the store: ``python -m services.products.seed``.

Only missing products are added, so the command can be run again at any time. It never
overwrites prices, stock or anything else that has changed.
"""

import asyncio
import sys
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from app.models import RequestModel, Text
from app.settings import SettingsError, load
from app.stores.database import Database
from app.stores.errors import StoreUnavailable
from app.stores.schema import SchemaCheck
from app.telemetry.metrics import Metrics
from services.products.currencies import from_euro_cents
from services.products.models import MAX_STOCK, Money, ProductDetails, Sku, Slug
from services.products.repository import CatalogueRepository, NewProduct
from services.products.settings import StoreSettings

CATALOGUE = Path(__file__).parent / "catalogue"


class CatalogueProduct(RequestModel):
    """A product in a catalogue file; the price is in euro cents."""

    sku: Sku
    name: Annotated[str, Text(1, 80)]
    summary: Annotated[str, Text(1, 160)]
    description: Annotated[str, Text(1, 4000)]
    price: Annotated[int, Field(gt=0)]
    stock: Annotated[int, Field(ge=0, le=MAX_STOCK)]
    weight_grams: int
    size: Annotated[str, Text(1, 80)]
    added: date


class CategoryFile(RequestModel):
    """A catalogue file: one category and its products."""

    slug: Slug
    name: Annotated[str, Text(1, 80)]
    position: int
    products: list[CatalogueProduct]


class CurrencyMismatch(Exception):
    """The store has prices in another currency than the shop's."""


def read_catalogue() -> list[CategoryFile]:
    """The catalogue files, in the order in which the shop shows the categories."""
    categories = [
        TypeAdapter(CategoryFile).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in CATALOGUE.glob("*.toml")
    ]
    return sorted(categories, key=lambda category: category.position)


async def seed(database: Database, *, currency: str) -> int:
    """Add the missing products, priced in ``currency``. Returns how many.

    Raises `CurrencyMismatch`, `StoreUnavailable`.
    """
    repository = CatalogueRepository(database)
    others = set(await repository.price_currencies()) - {currency}
    if others:
        raise CurrencyMismatch(
            f"This store has prices in {', '.join(sorted(others))}, the shop's currency is "
            f"{currency}: begin with an empty store or set CARTWHEEL_CURRENCY."
        )
    categories = read_catalogue()
    # An older version of the code may have computed them in another way, or not at all.
    await repository.refresh_search_terms()
    return await repository.add_missing(
        [(category.slug, category.name) for category in categories],
        [
            _new_product(product, category.slug, currency)
            for category in categories
            for product in category.products
        ],
    )


def _new_product(product: CatalogueProduct, category: str, currency: str) -> NewProduct:
    details = ProductDetails(
        name=product.name,
        summary=product.summary,
        description=product.description,
        category=category,
        price=Money(amount=from_euro_cents(product.price, currency), currency=currency),
        weight_grams=product.weight_grams,
        size=product.size,
    )
    return NewProduct(
        product.sku, details, product.stock, added_at=datetime.combine(product.added, time(), UTC)
    )


async def _run(settings: StoreSettings) -> int:
    async with Database(settings.store_url, metrics=Metrics("products")) as database:
        await SchemaCheck(database, "services.products")()
        return await seed(database, currency=settings.currency)


def main() -> int:
    """Exit codes: 0 the products are there, 1 the store failed, 2 wrong settings."""
    try:
        added = asyncio.run(_run(load(StoreSettings)))
    except SettingsError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        return 2
    except CurrencyMismatch as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreUnavailable as error:
        sys.stderr.write(f"products: {error.detail}\n")
        return 1
    sys.stdout.write(f"products: {added} goods added\n" if added else "products: all goods there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
