"""The tracking service: what is put together, and in which order it opens and closes."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
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
from app.stores.migrations import check_schema
from app.stores.sql import Database
from app.telemetry.metrics import Metrics
from services.tracking.anonymiser import Anonymiser
from services.tracking.clients import CartClient, ProductsClient, UserClient
from services.tracking.courier import Courier
from services.tracking.deleted_owners import DeletedOwners
from services.tracking.dependencies import State
from services.tracking.events import Bulletin
from services.tracking.metrics import Measures
from services.tracking.payments import Payments
from services.tracking.repository import OrderRepository
from services.tracking.routes import router
from services.tracking.runner import SagaRunner
from services.tracking.saga import Neighbours, Pace, Saga, ignore
from services.tracking.service import Orders
from services.tracking.settings import TrackingSettings, killer
from services.tracking.sweeper import Sweeper

TURNS_A_LEASE = 5
"""How many turns a replica may miss before another one takes over."""


def create() -> FastAPI:
    """The app as the environment wants it. Raises `SettingsError`."""
    return build(load(TrackingSettings))


def build(
    settings: TrackingSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
    clock: Clock | None = None,
    reached: Callable[[str], None] | None = None,
) -> FastAPI:
    """The app; nothing is opened before its lifespan begins.

    ``transports`` replace the network to the neighbours of that name, ``clock`` the store's;
    ``reached`` is told each point between two effects of a checkout.
    """
    metrics = Metrics("tracking", version=settings.version)
    measures = Measures(metrics)
    health = Health()
    if reached is None:
        reached = killer(settings.kill_point) if settings.kill_point else ignore

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
            health.add("store", partial(check_schema, database, "services.tracking"))
            repository = OrderRepository(database)
            bulletin = Bulletin(
                repository,
                per_shopper=settings.events_per_shopper,
                limit=settings.events_limit,
                measures=measures,
            )
            neighbours = Neighbours(
                products=ProductsClient(products),
                payments=_payments(settings, database, now),
                cart=CartClient(cart),
            )
            saga = Saga(
                orders=repository,
                neighbours=neighbours,
                pace=_pace(settings),
                clock=now,
                measures=measures,
                reached=reached,
                changed=bulletin.changed,
            )
            courier = Courier(
                repository,
                pace=saga.pace,
                clock=now,
                measures=measures,
                changed=bulletin.changed,
            )
            sweeper = Sweeper(
                saga,
                repository,
                holder=holder,
                lease=_in_milliseconds(TURNS_A_LEASE * settings.sweep_seconds),
                clock=now,
                measures=measures,
            )
            anonymiser = Anonymiser(
                UserClient(user),
                DeletedOwners(database),
                repository,
                holder=holder,
                lease=_in_milliseconds(TURNS_A_LEASE * settings.deletions_seconds),
                pace=_in_milliseconds(settings.deletions_seconds),
                clock=now,
                measures=measures,
            )
            runner = SagaRunner(saga, limit=settings.checkout_limit, grace=settings.drain_grace)
            async with (
                runner,
                run_in_background(
                    repeat(sweeper.sweep, every=settings.sweep_seconds, name="sweeper"),
                    repeat(
                        courier.make_rounds, every=settings.courier_rounds_seconds, name="courier"
                    ),
                    repeat(anonymiser.work, every=settings.deletions_seconds, name="anonymiser"),
                    repeat(bulletin.look, every=settings.events_poll_seconds, name="bulletin"),
                    BackgroundTask(
                        "close the bulletin",
                        partial(bulletin.close_when, app.state.lifecycle.wait_draining),
                    ),
                ),
            ):
                yield State(
                    orders=Orders(
                        repository=repository,
                        saga=saga,
                        runner=runner,
                        products=neighbours.products,
                        cart=neighbours.cart,
                        currency=settings.currency,
                        timeout=settings.checkout_patience,
                        clock=now,
                    ),
                    bulletin=bulletin,
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
        # A shopper at the till is the last one to be sent away.
        priorities={"POST /v1/orders": Priority.HIGH},
    )


def _payments(settings: TrackingSettings, database: Database, clock: Clock) -> Payments:
    return Payments(
        database,
        mode=settings.payment_mode,
        delay=settings.payment_delay,
        limit=settings.payment_timeout,
        clock=clock,
    )


def _pace(settings: TrackingSettings) -> Pace:
    return Pace(
        stall=_in_milliseconds(settings.stall_seconds),
        retry=_in_milliseconds(settings.retry_seconds),
        give_up=_in_milliseconds(settings.give_up_seconds),
        courier=_in_milliseconds(settings.courier_step_seconds),
    )


def _in_milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _unique(instance: str) -> str:
    """A replica that was killed and started again is another one: its lease must run out."""
    return f"{instance}-{secrets.token_hex(4)}"
