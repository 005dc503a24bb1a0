"""What the cart can be told. See `app.settings` for what every service understands."""

from typing import Annotated

from pydantic import Field

from app.settings import ServiceSettings, ServiceTokenSettings, UpstreamUrl, store_url

CartStoreUrl = Annotated[str, store_url("sqlite", "valkey", "redis")]


class CartSettings(ServiceSettings, ServiceTokenSettings):
    """``CARTWHEEL_STORE_URL`` chooses the store: an SQLite file, or a Valkey or Redis server."""

    store_url: CartStoreUrl = "sqlite:///cart.sqlite3"
    products_url: UpstreamUrl = "http://127.0.0.1:8101"
    user_url: UpstreamUrl = "http://127.0.0.1:8103"
    token_issuer: str = "cartwheel"
    token_audience: str = "cartwheel"
    cart_lifetime: int = Field(
        default=30 * 24 * 60 * 60,
        ge=1,
        le=366 * 24 * 60 * 60,
        description="seconds an account's cart is kept after its last change",
    )
    guest_cart_lifetime: int = Field(
        default=14 * 24 * 60 * 60,
        ge=1,
        le=366 * 24 * 60 * 60,
        description="seconds a guest's cart is kept after its last change",
    )
    # For a client that tries again and a form that is sent twice: minutes, not days.
    add_key_lifetime: int = Field(
        default=15 * 60,
        ge=1,
        le=24 * 60 * 60,
        description="seconds an Idempotency-Key is remembered, as long as it is among a "
        "shopper's latest 64",
    )
