"""Following an order: server-sent events over a real socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.stores.clock import machine_clock
from services.tracking.main import build
from services.tracking.models import Reason, ShipmentStatus
from tests.services.tracking.backend import (
    Backend,
    Shop,
    an_order,
    eventually,
    open_backend,
)
from tests.services.tracking.running_service import subject_of, tracking_settings
from tests.services.tracking.sockets import Listening, listening, serving
from tests.support.identity import FreshBearer, jwks_transport
from tests.support.network import FakeNetwork

ADA = FreshBearer("user_ada")
LATER = machine_clock() + 30 * 60 * 1000
"""Later than any of these tests takes, sooner than the courier of `tracking_settings` comes."""
EVERYTHING = [f"shipment {number}" for number in range(1, 6)]
STOPS = (
    ShipmentStatus.PACKED,
    ShipmentStatus.SHIPPED,
    ShipmentStatus.OUT_FOR_DELIVERY,
    ShipmentStatus.DELIVERED,
)


@dataclass
class RunningReplica:
    """A replica on a socket, and another process that moves the parcels."""

    url: str
    app: FastAPI
    backend: Backend

    async def confirmed_order(self) -> str:
        order = await self.backend.place(replace(an_order(), due_at=LATER))
        confirmed = order.confirmed(now=order.created_at)
        await self.backend.orders.save(order, confirmed, now=order.created_at, due_at=LATER)
        return order.id

    async def move(self, *stops: ShipmentStatus) -> None:
        for stop in stops:
            order = await self.backend.order()
            moved = order.moved(stop, now=order.created_at)
            await self.backend.orders.save(order, moved, now=order.created_at, due_at=LATER)


@asynccontextmanager
async def place(shop: Shop, **changes: Any) -> AsyncIterator[RunningReplica]:
    shop.carts.reader = subject_of
    app = build(
        # Nobody sweeps: a pending order stays as the test left it.
        tracking_settings(shop, **{"sweep_seconds": 3600.0} | changes),
        transports={
            "products": FakeNetwork(shop.products),
            "cart": FakeNetwork(shop.carts),
            "user": jwks_transport(),
        },
    )
    async with serving(app) as url, open_backend(shop) as backend:
        yield RunningReplica(url, app, backend)


def has(heard: Listening, *events: str) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return heard.events() == list(events)

    return is_so


def has_ended(heard: Listening) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return heard.has_ended

    return is_so


async def test_a_stream_sends_past_events_then_new_ones_then_the_end(shop: Shop) -> None:
    async with place(shop) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:
            await eventually(has(heard, "shipment 1"))
            await here.move(ShipmentStatus.PACKED)
            await eventually(has(heard, "shipment 1", "shipment 2"))
            await here.move(*STOPS[1:])
            await eventually(has(heard, *EVERYTHING, "end"))
            await eventually(has_ended(heard))


async def test_an_event_has_its_status_and_time(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:
            await eventually(has(heard, "shipment 1"))
    data = next(line for line in heard.lines if line.startswith("data:"))
    assert data.startswith('data: {"sequence":1,"status":"confirmed","at":"2026-')


@pytest.mark.fault(27)
async def test_a_listener_that_reconnects_misses_nothing(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here:
        order_id = await here.confirmed_order()
        await here.move(*STOPS[:2])
        async with listening(here.url, order_id, {**ADA, "Last-Event-ID": "1"}) as heard:
            await eventually(has(heard, "shipment 2", "shipment 3"))


async def test_a_listener_that_has_seen_the_last_event_gets_204(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here, httpx2.AsyncClient() as client:
        order_id = await here.confirmed_order()
        await here.move(*STOPS)
        path = f"{here.url}/v1/orders/{order_id}/events"
        answer = await client.get(path, headers={**ADA, "Last-Event-ID": "5"})
        assert (answer.status_code, answer.content) == (204, b"")
        whole = await client.get(path, headers=ADA)
        assert whole.headers["content-type"].startswith("text/event-stream")
        assert whole.headers["cache-control"] == "no-store"
        assert whole.text.count("event: shipment") == 5


async def test_a_last_event_id_ahead_of_the_order_gets_the_events_to_come(
    sqlite_shop: Shop,
) -> None:
    async with place(sqlite_shop) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, {**ADA, "Last-Event-ID": "1000000"}) as heard:
            await here.move(*STOPS)
            await eventually(has(heard, *EVERYTHING[1:], "end"))
            await eventually(has_ended(heard))


async def test_a_last_event_id_ahead_of_the_last_event_gets_204(
    sqlite_shop: Shop,
) -> None:
    async with place(sqlite_shop) as here, httpx2.AsyncClient() as client:
        order_id = await here.confirmed_order()
        await here.move(*STOPS)
        path = f"{here.url}/v1/orders/{order_id}/events"
        answer = await client.get(path, headers={**ADA, "Last-Event-ID": "1000000"})
        assert answer.status_code == 204


async def test_a_cancelled_order_ends_the_stream(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:
            order = await here.backend.order()
            await here.backend.saga.cancel(order, Reason.SHOPPER)
            await eventually(has(heard, "shipment 1", "shipment 2", "end"))


async def test_a_pending_order_can_be_followed_from_the_start(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here:
        order = await here.backend.place(replace(an_order(), due_at=LATER))
        async with listening(here.url, order.id, ADA) as heard:
            assert heard.events() == []
            confirmed = order.confirmed(now=order.created_at)
            await here.backend.orders.save(order, confirmed, now=order.created_at, due_at=LATER)
            await eventually(has(heard, "shipment 1"))


async def test_a_stream_without_events_sends_heartbeats(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop, events_heartbeat_seconds=0.05) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:

            async def hears_heartbeats() -> bool:
                return heard.comments() >= 3

            await eventually(hears_heartbeats)
            assert heard.events() == ["shipment 1"]


async def test_an_old_stream_ends_with_bye(sqlite_shop: Shop) -> None:
    quick = {"events_heartbeat_seconds": 0.05, "events_longest_seconds": 0.3}
    async with place(sqlite_shop, **quick) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:
            await eventually(has_ended(heard))
            assert heard.events() == ["shipment 1", "bye"]


@pytest.mark.fault(27)
async def test_a_replica_that_stops_ends_its_streams_with_bye(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA) as heard:
            await eventually(has(heard, "shipment 1"))
            asked_at = time.monotonic()
            here.app.state.lifecycle.start_draining()
            await eventually(has_ended(heard), within=2)
            assert time.monotonic() - asked_at < 2
            assert heard.events() == ["shipment 1", "bye"]


@pytest.mark.fault(82)
async def test_a_shopper_has_a_limited_number_of_streams(sqlite_shop: Shop) -> None:
    async with (
        place(sqlite_shop, events_per_shopper=2) as here,
        httpx2.AsyncClient() as client,
        AsyncExitStack() as open_streams,
    ):
        order_id = await here.confirmed_order()
        first = await open_streams.enter_async_context(AsyncExitStack())
        await first.enter_async_context(listening(here.url, order_id, ADA))
        await open_streams.enter_async_context(listening(here.url, order_id, ADA))
        path = f"{here.url}/v1/orders/{order_id}/events"
        answer = await client.get(path, headers=ADA)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert answer.json()["type"] == "urn:cartwheel:problem:too-many-streams"
        await first.aclose()

        async def may_listen_again() -> bool:
            async with listening(here.url, order_id, ADA) as heard:
                return heard.status == 200

        await eventually(may_listen_again)


@pytest.mark.fault(82)
async def test_a_replica_has_a_limited_number_of_streams(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop, events_limit=1) as here, httpx2.AsyncClient() as client:
        order_id = await here.confirmed_order()
        async with listening(here.url, order_id, ADA):
            answer = await client.get(f"{here.url}/v1/orders/{order_id}/events", headers=ADA)
            assert answer.status_code == 503


async def test_forty_listeners_get_the_same_events(sqlite_shop: Shop) -> None:
    async with (
        place(sqlite_shop, events_per_shopper=40) as here,
        AsyncExitStack() as open_streams,
    ):
        order_id = await here.confirmed_order()
        heard = [
            await open_streams.enter_async_context(listening(here.url, order_id, ADA))
            for _ in range(40)
        ]
        await here.move(*STOPS)
        await asyncio.gather(*(eventually(has(one, *EVERYTHING, "end")) for one in heard))


async def test_a_malformed_last_event_id_is_refused(sqlite_shop: Shop) -> None:
    async with place(sqlite_shop) as here, httpx2.AsyncClient() as client:
        order_id = await here.confirmed_order()
        for bad in ("x", "-1", "9" * 30):
            answer = await client.get(
                f"{here.url}/v1/orders/{order_id}/events", headers={**ADA, "Last-Event-ID": bad}
            )
            assert answer.status_code == 422
