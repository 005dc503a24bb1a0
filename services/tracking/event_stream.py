"""An order's events as server-sent events.

| on the wire            | when                                                                |
|------------------------|---------------------------------------------------------------------|
| `event: shipment`      | an event of the order; `id` is its sequence number                  |
| `: still here`         | a heartbeat: there was no event for a while                         |
| `event: end`           | the order is delivered or cancelled: there will be no further event |
| `event: bye`           | this replica stops, or the stream is old: reconnect                 |

A stream outlives the access token that opened it. It ends after a while, so that the client
reconnects with a valid token.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.sse import EventSourceResponse, format_sse_event

from app.errors import Unavailable
from app.process.background import consume_exception
from app.telemetry.logs import get_logger
from services.tracking.event_broker import EventBroker, Listener
from services.tracking.models import FINAL_SHIPMENT_STATUSES, ShipmentEvent

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
RECONNECT_MILLISECONDS = 1000

RECONNECT_DELAY = format_sse_event(retry=RECONNECT_MILLISECONDS)
HEARTBEAT = format_sse_event(comment="still here")
END_EVENT = format_sse_event(event="end", data_str="{}")
BYE_EVENT = format_sse_event(event="bye", data_str="{}")


@dataclass(frozen=True, slots=True)
class StreamTimings:
    """Seconds from one heartbeat to the next, and until a stream ends."""

    heartbeat: float
    max_age: float


def event_stream(
    broker: EventBroker, listener: Listener, timings: StreamTimings
) -> EventSourceResponse:
    """The events that the listener has not seen, and those to come."""
    return EventSourceResponse(_events(broker, listener, timings), headers=HEADERS)


async def _events(
    broker: EventBroker, listener: Listener, timings: StreamTimings
) -> AsyncIterator[bytes]:
    time = asyncio.get_running_loop().time
    ends_at = time() + timings.max_age
    yield RECONNECT_DELAY
    while not broker.is_closed and time() < ends_at:
        if not await _is_woken(listener, timings.heartbeat):
            yield HEARTBEAT
            continue
        for event in await _read_unseen(broker, listener):
            yield _encode(event)
            if event.status in FINAL_SHIPMENT_STATUSES:
                yield END_EVENT
                return
    yield BYE_EVENT


async def _is_woken(listener: Listener, heartbeat: float) -> bool:
    try:
        async with asyncio.timeout(heartbeat):
            return await listener.woken.wait()
    except TimeoutError:
        return False


async def _read_unseen(broker: EventBroker, listener: Listener) -> list[ShipmentEvent]:
    """While the store is unavailable events come late; the stream does not end."""
    try:
        # Shielded: a client that disconnects now would otherwise take a store connection along.
        reading = asyncio.create_task(broker.read_unseen(listener))
        reading.add_done_callback(consume_exception)
        return await asyncio.shield(reading)
    except Unavailable as error:
        get_logger().warning("events.not_read", why=str(error))
        return []


def _encode(event: ShipmentEvent) -> bytes:
    return format_sse_event(
        event="shipment", id=str(event.sequence), data_str=event.model_dump_json()
    )
