"""The settings of the cart service. See `app.settings` for those of every service."""

from typing import Annotated

from pydantic import Field

from app.settings import ServiceSettings, ServiceTokenSettings, UpstreamUrl, store_url
from services.cart.models import MAX_IDEMPOTENCY_KEYS

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
    # Keys are for retries and forms that are sent twice, so minutes are enough.
    add_key_lifetime: int = Field(
        default=15 * 60,
        ge=1,
        le=24 * 60 * 60,
        description="seconds an Idempotency-Key is remembered, as long as it is among a "
        f"shopper's latest {MAX_IDEMPOTENCY_KEYS}",
    )
