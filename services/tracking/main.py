"""Builds the tracking service."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from services.tracking.crash_points import crash_points
from services.tracking.deleted_owners import DeletedOwners
from services.tracking.dependencies import State
from services.tracking.event_broker import EventBroker
from services.tracking.metrics import OrderMetrics
from services.tracking.payments import Payments
from services.tracking.repository import OrderRepository
from services.tracking.routes import router
from services.tracking.saga import Participants, Saga, SagaTimings
from services.tracking.saga_runner import SagaRunner
from services.tracking.service import OrderService
from services.tracking.settings import TrackingSettings
from services.tracking.sweeper import Sweeper

LEASE_ROUNDS = 5
"""Rounds that a replica may miss before another one takes over its lease."""

PRIORITIES = {"POST /v1/orders": Priority.HIGH}
"""A checkout is the last request to be shed."""


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(TrackingSettings))


def build(
    settings: TrackingSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
    clock: Clock | None = None,
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    ``transports`` replace the network to the upstreams of these names, ``clock`` the store's.
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
            health.add("store", SchemaCheck(database, "services.tracking"))
            shared = _shared(settings, order_metrics, database, clock or database.clock)
            participants = Participants(
                products=ProductsClient(products), payments=_payments(shared), cart=CartClient(cart)
            )
            saga = _saga(shared, participants)
            runner = SagaRunner(saga, limit=settings.checkout_limit, grace=settings.drain_grace)
            background_tasks = _background_tasks(shared, saga, UserClient(user), app)
            async with runner, run_in_background(*background_tasks):
                yield State(
                    checkouts=_checkouts(shared, participants, saga, runner),
                    orders=_orders(shared, saga, runner),
                    event_broker=shared.event_broker,
                    verifier=_token_verifier(settings, user),
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
        priorities=PRIORITIES,
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What several parts of the service are built from."""

    settings: TrackingSettings
    metrics: OrderMetrics
    database: Database
    clock: Clock
    repository: OrderRepository
    event_broker: EventBroker
    lease_holder: str


def _shared(
    settings: TrackingSettings, metrics: OrderMetrics, database: Database, clock: Clock
) -> _Shared:
    repository = OrderRepository(database)
    event_broker = EventBroker(
        repository,
        per_shopper=settings.events_per_shopper,
        limit=settings.events_limit,
        metrics=metrics,
    )
    # Unique: the lease of a replica that was killed must expire, also if it is started again.
    lease_holder = f"{settings.instance}-{secrets.token_hex(4)}"
    return _Shared(settings, metrics, database, clock, repository, event_broker, lease_holder)


def _payments(shared: _Shared) -> Payments:
    settings = shared.settings
    return Payments(
        shared.database,
        mode=settings.payment_mode,
        delay=settings.payment_delay,
        timeout=settings.payment_timeout,
        clock=shared.clock,
    )


def _saga(shared: _Shared, participants: Participants) -> Saga:
    settings = shared.settings
    timings = SagaTimings(
        stall=_in_milliseconds(settings.stall_seconds),
        retry=_in_milliseconds(settings.retry_seconds),
        give_up=_in_milliseconds(settings.give_up_seconds),
        courier=_in_milliseconds(settings.courier_step_seconds),
    )
    return Saga(
        orders=shared.repository,
        participants=participants,
        timings=timings,
        clock=shared.clock,
        metrics=shared.metrics,
        crash_points=crash_points(settings.kill_point),
        publish=shared.event_broker.publish,
    )


def _checkouts(
    shared: _Shared, participants: Participants, saga: Saga, runner: SagaRunner
) -> CheckoutService:
    return CheckoutService(
        repository=shared.repository,
        runner=runner,
        products=participants.products,
        cart=participants.cart,
        currency=shared.settings.currency,
        stall=saga.timings.stall,
        max_wait=shared.settings.checkout_patience,
        clock=shared.clock,
    )


def _orders(shared: _Shared, saga: Saga, runner: SagaRunner) -> OrderService:
    return OrderService(
        repository=shared.repository,
        saga=saga,
        runner=runner,
        max_wait=shared.settings.checkout_patience,
    )


def _token_verifier(settings: TrackingSettings, user: Upstream) -> TokenVerifier:
    return TokenVerifier(
        JwksClient(user), issuer=settings.token_issuer, audience=settings.token_audience
    )


def _background_tasks(
    shared: _Shared, saga: Saga, user: UserClient, app: FastAPI
) -> Sequence[BackgroundTask]:
    settings, event_broker = shared.settings, shared.event_broker
    sweeper, courier = _sweeper(shared, saga), _courier(shared, saga)
    anonymiser = _anonymiser(shared, user)
    draining = app.state.lifecycle.wait_draining
    return [
        repeat(sweeper.sweep, every=settings.sweep_seconds, name="sweeper"),
        repeat(courier.move_due_parcels, every=settings.courier_rounds_seconds, name="courier"),
        repeat(anonymiser.work, every=settings.deletions_seconds, name="anonymiser"),
        repeat(event_broker.poll, every=settings.events_poll_seconds, name="event broker"),
        BackgroundTask("close the event broker", partial(event_broker.close_on, draining)),
    ]


def _sweeper(shared: _Shared, saga: Saga) -> Sweeper:
    return Sweeper(
        saga,
        shared.repository,
        holder=shared.lease_holder,
        lease=_in_milliseconds(LEASE_ROUNDS * shared.settings.sweep_seconds),
        clock=shared.clock,
        metrics=shared.metrics,
    )


def _courier(shared: _Shared, saga: Saga) -> Courier:
    return Courier(
        shared.repository,
        timings=saga.timings,
        clock=shared.clock,
        metrics=shared.metrics,
        publish=shared.event_broker.publish,
    )


def _anonymiser(shared: _Shared, user: UserClient) -> Anonymiser:
    interval = shared.settings.deletions_seconds
    return Anonymiser(
        user,
        DeletedOwners(shared.database),
        shared.repository,
        holder=shared.lease_holder,
        lease=_in_milliseconds(LEASE_ROUNDS * interval),
        interval=_in_milliseconds(interval),
        clock=shared.clock,
        metrics=shared.metrics,
    )


def _in_milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
