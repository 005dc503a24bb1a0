"""What the products service can be told. See `app.settings` for what every service understands."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.settings import Seconds, ServiceSettings, ServiceTokenSettings, UpstreamUrl, store_url
from services.products.currencies import check_currency

SqlUrl = Annotated[str, store_url("sqlite", "postgresql")]


class StoreSettings(ServiceSettings):
    """Where the goods are kept, and what they are priced in. Seeding needs no more.

    ``CARTWHEEL_STORE_URL`` chooses the store: an SQLite file or a Postgres database.
    """

    store_url: SqlUrl = "sqlite:///products.sqlite3"
    currency: Annotated[str, AfterValidator(check_currency)] = "EUR"


class ProductsSettings(StoreSettings, ServiceTokenSettings):
    """What the running service needs."""

    store_patience: Seconds = Field(
        default=2.0, description="how long to wait for a connection, a lock or a statement"
    )
    user_url: UpstreamUrl = "http://127.0.0.1:8103"
    token_issuer: str = "cartwheel"
    token_audience: str = "cartwheel"
    reservation_lifetime: Seconds = Field(
        default=15 * 60, description="how long stock is kept for an order that says nothing more"
    )
    reservation_sweep: Seconds = Field(default=15, description="between two looks for such orders")
