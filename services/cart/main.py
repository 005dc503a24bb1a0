"""Builds the cart service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from fastapi import FastAPI

from app.client import Transport, Upstream
from app.factory import create_app
from app.identity import JwksClient, TokenVerifier
from app.process.background import repeat, run_in_background
from app.process.health import Health
from app.settings import load
from app.telemetry.metrics import Metrics
from services.cart.clients import ProductsClient
from services.cart.dependencies import State
from services.cart.repository import CartRepository, Retention
from services.cart.routes import router
from services.cart.service import CartService
from services.cart.settings import CartSettings

DELETE_EXPIRED_INTERVAL = 10 * 60.0
MEASURE_INTERVAL = 10.0


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(CartSettings))


def build(
    settings: CartSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    ``transports`` replace the network to the upstreams of these names.
    """
    metrics = Metrics("cart", version=settings.version)
    health = Health()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        def upstream(name: str, url: str) -> Upstream:
            return Upstream(name, url, metrics=metrics, transport=transports.get(name))

        async with (
            _open_carts(settings, metrics) as carts,
            upstream("products", settings.products_url) as products,
            upstream("user", settings.user_url) as user,
        ):
            health.add("store", carts.check)
            yield State(
                carts=CartService(carts, ProductsClient(products, metrics), metrics),
                verifier=TokenVerifier(
                    JwksClient(user),
                    issuer=settings.token_issuer,
                    audience=settings.token_audience,
                ),
            )

    return create_app(
        settings,
        service="cart",
        description="Shopping carts: SKUs and quantities, never prices.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
    )


@asynccontextmanager
async def _open_carts(settings: CartSettings, metrics: Metrics) -> AsyncIterator[CartRepository]:
    # Only the store in use is imported: the other one would need 20 MB.
    retention = Retention(
        cart_seconds=settings.cart_lifetime,
        guest_cart_seconds=settings.guest_cart_lifetime,
        idempotency_key_seconds=settings.add_key_lifetime,
    )
    if settings.store_url.startswith("sqlite:"):
        from app.stores.database import Database
        from services.cart.repository.sqlite import SqliteCartRepository

        async with Database(settings.store_url, metrics=metrics) as database:
            sqlite_carts = SqliteCartRepository(database, retention)
            deleting = repeat(
                sqlite_carts.delete_expired,
                every=DELETE_EXPIRED_INTERVAL,
                name="delete expired carts",
            )
            async with run_in_background(deleting):
                yield sqlite_carts
    else:
        from app.stores.valkey import Valkey
        from services.cart.repository.valkey import ValkeyCartRepository

        async with Valkey(settings.store_url, metrics=metrics) as valkey:
            measuring = repeat(valkey.measure, every=MEASURE_INTERVAL, name="measure the store")
            async with run_in_background(measuring):
                yield ValkeyCartRepository(valkey, retention)
