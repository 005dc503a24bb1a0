"""The tracking service: what is put together, and in which order it opens and closes."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType

from fastapi import FastAPI

from app.client import Transport, Upstream
from app.factory import create_app
from app.identity import JwksClient, TokenVerifier
from app.process.background import BackgroundTask, repeat, run_in_background
from app.process.health import Health
from app.request.admission import Priority
from app.settings import load
from app.stores.clock import Clock
from app.stores.database import Database
from app.stores.schema import SchemaCheck
from app.telemetry.metrics import Metrics
from services.tracking.anonymiser import Anonymiser
from services.tracking.checkout import CheckoutService
from services.tracking.clients import CartClient, ProductsClient, UserClient
from services.tracking.courier import Courier
from services.tracking.crash_points import CrashPoints, crash_points
from services.tracking.deleted_owners import DeletedOwners
from services.tracking.dependencies import State
from services.tracking.event_broker import EventBroker
from services.tracking.metrics import OrderMetrics
from services.tracking.payments import Payments
from services.tracking.repository import OrderRepository
from services.tracking.routes import router
from services.tracking.saga import Participants, Saga, SagaTimeouts
from services.tracking.saga_runner import SagaRunner
from services.tracking.service import OrderService
from services.tracking.settings import TrackingSettings
from services.tracking.sweeper import Sweeper

LEASE_ROUNDS = 5
"""Rounds that a replica may miss before another one takes over its lease."""


def create() -> FastAPI:
    """The app as the environment wants it. Raises `SettingsError`."""
    return build(load(TrackingSettings))


def build(
    settings: TrackingSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
    clock: Clock | None = None,
    crashes: CrashPoints | None = None,
) -> FastAPI:
    """The app; nothing is opened before its lifespan begins.

    ``transports`` replace the network to the upstreams of that name, ``clock`` the store's clock,
    ``crashes`` the crash points of the settings.
    """
    metrics = Metrics("tracking", version=settings.version)
    order_metrics = OrderMetrics(metrics)
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        def upstream(name: str, url: str) -> Upstream:
            return Upstream(
                name,
                url,
                metrics=metrics,
                service_tokens=settings.service_tokens,
                transport=transports.get(name),
            )

        async with (
            Database(settings.store_url, metrics=metrics) as database,
            upstream("products", settings.products_url) as products,
            upstream("cart", settings.cart_url) as cart,
            upstream("user", settings.user_url) as user,
        ):
            now = clock or database.clock
            holder = _unique(settings.instance)
            health.add("store", SchemaCheck(database, "services.tracking"))
            repository = OrderRepository(database)
            event_broker = EventBroker(
                repository,
                per_shopper=settings.events_per_shopper,
                limit=settings.events_limit,
                metrics=order_metrics,
            )
            participants = Participants(
                products=ProductsClient(products),
                payments=_payments(settings, database, now),
                cart=CartClient(cart),
            )
            saga = Saga(
                orders=repository,
                participants=participants,
                timeouts=_timeouts(settings),
                clock=now,
                metrics=order_metrics,
                crash_points=crashes or crash_points(settings.kill_point),
                publish=event_broker.publish,
            )
            courier = Courier(
                repository,
                timeouts=saga.timeouts,
                clock=now,
                metrics=order_metrics,
                publish=event_broker.publish,
            )
            sweeper = Sweeper(
                saga,
                repository,
                holder=holder,
                lease=_in_milliseconds(LEASE_ROUNDS * settings.sweep_seconds),
                clock=now,
                metrics=order_metrics,
            )
            anonymiser = Anonymiser(
                UserClient(user),
                DeletedOwners(database),
                repository,
                holder=holder,
                lease=_in_milliseconds(LEASE_ROUNDS * settings.deletions_seconds),
                interval=_in_milliseconds(settings.deletions_seconds),
                clock=now,
                metrics=order_metrics,
            )
            runner = SagaRunner(saga, limit=settings.checkout_limit, grace=settings.drain_grace)
            async with (
                runner,
                run_in_background(
                    repeat(sweeper.sweep, every=settings.sweep_seconds, name="sweeper"),
                    repeat(
                        courier.move_due_parcels,
                        every=settings.courier_rounds_seconds,
                        name="courier",
                    ),
                    repeat(anonymiser.work, every=settings.deletions_seconds, name="anonymiser"),
                    repeat(
                        event_broker.poll, every=settings.events_poll_seconds, name="event broker"
                    ),
                    BackgroundTask(
                        "close the event broker",
                        partial(event_broker.close_on, app.state.lifecycle.wait_draining),
                    ),
                ),
            ):
                yield State(
                    checkouts=CheckoutService(
                        repository=repository,
                        runner=runner,
                        products=participants.products,
                        cart=participants.cart,
                        currency=settings.currency,
                        stall=saga.timeouts.stall,
                        max_wait=settings.checkout_patience,
                        clock=now,
                    ),
                    orders=OrderService(
                        repository=repository,
                        saga=saga,
                        runner=runner,
                        max_wait=settings.checkout_patience,
                    ),
                    event_broker=event_broker,
                    verifier=TokenVerifier(
                        JwksClient(user),
                        issuer=settings.token_issuer,
                        audience=settings.token_audience,
                    ),
                    tracking_settings=settings,
                )

    return create_app(
        settings,
        service="tracking",
        description="Orders from the checkout to the door.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
        # A checkout is the last request to be shed.
        priorities={"POST /v1/orders": Priority.HIGH},
    )


def _payments(settings: TrackingSettings, database: Database, clock: Clock) -> Payments:
    return Payments(
        database,
        mode=settings.payment_mode,
        delay=settings.payment_delay,
        timeout=settings.payment_timeout,
        clock=clock,
    )


def _timeouts(settings: TrackingSettings) -> SagaTimeouts:
    return SagaTimeouts(
        stall=_in_milliseconds(settings.stall_seconds),
        retry=_in_milliseconds(settings.retry_seconds),
        give_up=_in_milliseconds(settings.give_up_seconds),
        courier=_in_milliseconds(settings.courier_step_seconds),
    )


def _in_milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _unique(instance: str) -> str:
    """A replica that was killed and started again is another one: its old lease must expire."""
    return f"{instance}-{secrets.token_hex(4)}"
