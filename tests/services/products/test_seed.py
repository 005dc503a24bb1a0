"""The catalogue files and the seed command."""

import asyncio
from pathlib import Path

import pytest

from app.settings import SettingsError, load
from app.stores.database import Database
from app.stores.migrations import migrate
from services.products import seed as command
from services.products.currencies import CURRENCIES, from_euro_cents
from services.products.repository import CatalogueRepository
from services.products.seed import CurrencyMismatch, read_catalogue, seed
from services.products.settings import ProductsSettings


def test_the_catalogue_is_worth_looking_at() -> None:
    categories = read_catalogue()
    products = [product for category in categories for product in category.products]
    assert [len(category.products) for category in categories] == [8] * 6
    assert (
        len({product.sku for product in products})
        == len({product.name for product in products})
        == 48
    )
    assert all(200 <= len(product.description) <= 400 for product in products)
    assert not any(
        "\n" in product.description or "  " in product.description for product in products
    )


def test_some_goods_are_nearly_gone_and_one_is() -> None:
    stock = [product.stock for category in read_catalogue() for product in category.products]
    assert stock.count(0) == 1
    assert sum(1 <= left <= 5 for left in stock) >= 3


async def test_seeding_twice_adds_nothing(database: Database) -> None:
    assert await seed(database, currency="EUR") == 48
    assert await seed(database, currency="EUR") == 0


async def test_seeding_again_leaves_alone_what_was_sold(database: Database) -> None:
    await seed(database, currency="EUR")
    repository = CatalogueRepository(database)
    await repository.set_stock("TOY-DUCK-01", 1)
    await seed(database, currency="EUR")
    stored = await repository.find("TOY-DUCK-01")
    assert stored is not None
    assert stored.product.available == 1


async def test_a_shop_in_yen_has_prices_without_digits(database: Database) -> None:
    await seed(database, currency="JPY")
    stored = await CatalogueRepository(database).find("KITCHEN-PIZZA-01")
    assert stored is not None
    assert stored.product.price.model_dump() == {"amount": 2880, "currency": "JPY"}


async def test_a_store_keeps_to_one_currency(database: Database) -> None:
    await seed(database, currency="EUR")
    with pytest.raises(CurrencyMismatch, match="begin with an empty store"):
        await seed(database, currency="JPY")


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    ("cents", "currency", "amount"),
    [(1999, "EUR", 1999), (1999, "JPY", 3198), (1, "USD", 1), (50, "GBP", 43), (0, "JPY", 0)],
)
def test_prices_are_rounded_half_up_to_the_smallest_unit(
    cents: int, currency: str, amount: int
) -> None:
    assert from_euro_cents(cents, currency) == amount


def test_no_currency_makes_anything_free() -> None:
    prices = [product.price for category in read_catalogue() for product in category.products]
    assert all(from_euro_cents(price, code) > 0 for price in prices for code in CURRENCIES)


def test_a_currency_we_do_not_know_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTWHEEL_SERVICE_TOKENS", "token")
    monkeypatch.setenv("CARTWHEEL_CURRENCY", "XXX")
    with pytest.raises(SettingsError) as refused:
        load(ProductsSettings)
    (problem,) = refused.value.problems
    assert problem.startswith("CARTWHEEL_CURRENCY: ")
    assert "JPY" in problem


def test_the_command_says_what_it_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    monkeypatch.setenv("CARTWHEEL_STORE_URL", url)
    asyncio.run(migrate("services.products", url))
    assert (command.main(), capsys.readouterr().out) == (0, "products: 48 goods added\n")
    assert (command.main(), capsys.readouterr().out) == (0, "products: all goods there\n")


def test_the_command_says_that_tables_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARTWHEEL_STORE_URL", f"sqlite:///{tmp_path}/new.sqlite3")
    assert command.main() == 1
    assert "run cartwheel migrate" in capsys.readouterr().err
