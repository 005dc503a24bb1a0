"""The settings of the products service. See `app.settings` for those of every service."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.settings import Seconds, ServiceSettings, ServiceTokenSettings, UpstreamUrl, store_url
from services.products.currencies import check_currency

SqlUrl = Annotated[str, store_url("sqlite", "postgresql")]


class StoreSettings(ServiceSettings):
    """The store and the currency of its prices: all that seeding needs.

    ``CARTWHEEL_STORE_URL`` chooses the store: an SQLite file or a Postgres database.
    """

    store_url: SqlUrl = "sqlite:///products.sqlite3"
    currency: Annotated[str, AfterValidator(check_currency)] = "EUR"


class ProductsSettings(StoreSettings, ServiceTokenSettings):
    """The settings of the running service."""

    store_patience: Seconds = Field(
        default=2.0, description="how long to wait for a connection, a lock or a statement"
    )
    user_url: UpstreamUrl = "http://127.0.0.1:8103"
    token_issuer: str = "cartwheel"
    token_audience: str = "cartwheel"
    reservation_lifetime: Seconds = Field(
        default=15 * 60,
        description="how long stock is reserved for an order before the reservation expires",
    )
    reservation_sweep: Seconds = Field(
        default=15, description="time between two searches for expired reservations"
    )
