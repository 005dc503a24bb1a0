"""Builds the products service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import get_args

from fastapi import FastAPI

from app.client import Transport, Upstream
from app.factory import create_app
from app.identity import JwksClient, TokenVerifier
from app.process.background import repeat, run_in_background
from app.process.health import Health
from app.request.admission import Priority
from app.settings import load
from app.stores.clock import Clock
from app.stores.database import Database
from app.stores.schema import SchemaCheck
from app.telemetry.cells import Counter, Family
from app.telemetry.metrics import Metrics
from services.products.dependencies import State
from services.products.repository import CatalogueRepository, ReservationRepository
from services.products.routes import router
from services.products.service import CatalogueService, ReservationOutcome, ReservationService
from services.products.settings import ProductsSettings

PRIORITIES = {
    "GET /v1/products": Priority.LOW,
    "GET /v1/categories": Priority.LOW,
    "GET /v1/products/{sku}": Priority.LOW,
    "GET /v1/products/{sku}/image.svg": Priority.LOW,
    "PUT /v1/reservations/{order_id}": Priority.HIGH,
    "POST /v1/reservations/{order_id}:commit": Priority.HIGH,
    "POST /v1/reservations/{order_id}:release": Priority.HIGH,
}
"""Under load, browsing is rejected before checkout."""


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(ProductsSettings))


def build(
    settings: ProductsSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
    clock: Clock | None = None,
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    ``transports`` replace the network to the upstreams of these names, ``clock`` the store's.
    """
    metrics = Metrics("products", version=settings.version)
    health = Health()
    outcomes = _reservation_outcomes(metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with (
            Database(
                settings.store_url, metrics=metrics, timeout=settings.store_patience
            ) as database,
            Upstream(
                "user", settings.user_url, metrics=metrics, transport=transports.get("user")
            ) as user,
        ):
            health.add("store", SchemaCheck(database, "services.products"))
            now = clock or database.clock
            catalogue = CatalogueService(
                CatalogueRepository(database), currency=settings.currency, clock=now
            )
            reservations = ReservationService(
                ReservationRepository(database),
                lifetime=timedelta(seconds=settings.reservation_lifetime),
                on_change=catalogue.invalidate,
                outcomes=outcomes,
                clock=now,
            )
            expiry = repeat(
                reservations.expire, every=settings.reservation_sweep, name="expire reservations"
            )
            async with run_in_background(expiry):
                yield State(
                    catalogue=catalogue,
                    reservations=reservations,
                    verifier=TokenVerifier(
                        JwksClient(user),
                        issuer=settings.token_issuer,
                        audience=settings.token_audience,
                    ),
                )

    return create_app(
        settings,
        service="products",
        description="The catalogue with prices and pictures, the stock, and reservations of it.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
        priorities=PRIORITIES,
    )


def _reservation_outcomes(metrics: Metrics) -> Family[Counter]:
    return metrics.counter(
        "stock_reservations_total",
        "What became of attempts to reserve stock?",
        {"outcome": get_args(ReservationOutcome)},
    )
