"""Fills an empty shop: ``python -m services.products.seed``.

Only what is missing is added, so it can be run again at any time, by anybody. What the staff
has changed stays changed, and what was sold stays sold.
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
from app.stores.migrations import check_schema
from app.stores.sql import Database, StoreUnavailable
from app.telemetry.metrics import Metrics
from services.products.currencies import from_euro_cents
from services.products.models import MAX_STOCK, Money, ProductDetails, Sku, Slug
from services.products.repository import CatalogueRepository, NewProduct
from services.products.settings import StoreSettings

CATALOGUE = Path(__file__).parent / "catalogue"


class Good(RequestModel):
    """One product as the catalogue's files describe it; the price is in euro cents."""

    sku: Sku
    name: Annotated[str, Text(1, 80)]
    summary: Annotated[str, Text(1, 160)]
    description: Annotated[str, Text(1, 4000)]
    price: Annotated[int, Field(gt=0)]
    stock: Annotated[int, Field(ge=0, le=MAX_STOCK)]
    weight_grams: int
    size: Annotated[str, Text(1, 80)]
    added: date


class Shelf(RequestModel):
    """One file of the catalogue: a category and what is in it."""

    slug: Slug
    name: Annotated[str, Text(1, 80)]
    position: int
    products: list[Good]


class OtherCurrency(Exception):
    """The store holds prices in another currency than the shop's."""


def read_catalogue() -> list[Shelf]:
    """The catalogue's files, in the order of the shop."""
    shelves = [
        TypeAdapter(Shelf).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in CATALOGUE.glob("*.toml")
    ]
    return sorted(shelves, key=lambda shelf: shelf.position)


async def seed(database: Database, *, currency: str) -> int:
    """Add the goods that are missing, priced in ``currency``. Returns how many.

    Raises `OtherCurrency`, `StoreUnavailable`.
    """
    repository = CatalogueRepository(database)
    others = set(await repository.currencies()) - {currency}
    if others:
        raise OtherCurrency(
            f"This store has prices in {', '.join(sorted(others))}, the shop's currency is "
            f"{currency}: begin with an empty store or set CARTWHEEL_CURRENCY."
        )
    shelves = read_catalogue()
    # What an older version of the code added, or compared in another way.
    await repository.renew_terms()
    return await repository.add_missing(
        [(shelf.slug, shelf.name) for shelf in shelves],
        [_priced(good, shelf.slug, currency) for shelf in shelves for good in shelf.products],
    )


def _priced(good: Good, category: str, currency: str) -> NewProduct:
    details = ProductDetails(
        name=good.name,
        summary=good.summary,
        description=good.description,
        category=category,
        price=Money(amount=from_euro_cents(good.price, currency), currency=currency),
        weight_grams=good.weight_grams,
        size=good.size,
    )
    return NewProduct(
        good.sku, details, good.stock, added_at=datetime.combine(good.added, time(), UTC)
    )


async def _run(settings: StoreSettings) -> int:
    async with Database(settings.store_url, metrics=Metrics("products")) as database:
        await check_schema(database, "services.products")
        return await seed(database, currency=settings.currency)


def main() -> int:
    """Exit codes: 0 the goods are there, 1 the store failed, 2 wrong settings."""
    try:
        added = asyncio.run(_run(load(StoreSettings)))
    except SettingsError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        return 2
    except OtherCurrency as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreUnavailable as error:
        sys.stderr.write(f"products: {error.detail}\n")
        return 1
    sys.stdout.write(f"products: {added} goods added\n" if added else "products: all goods there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
