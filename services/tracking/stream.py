"""An order's events as server-sent events.

| on the wire            | when                                                               |
|------------------------|--------------------------------------------------------------------|
| `event: shipment`      | something happened; `id` is its sequence number                    |
| `: still here`         | nothing happened for a while                                       |
| `event: end`           | delivered or cancelled: nothing will ever follow                   |
| `event: bye`           | this replica stops: connect again, you will land at another        |
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi.sse import EventSourceResponse, format_sse_event

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.events import Bulletin, Listener
from services.tracking.models import FINAL_SHIPMENT_STATUSES, ShipmentEvent

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
RECONNECT_MILLISECONDS = 1000

STILL_HERE = format_sse_event(comment="still here")
END = format_sse_event(event="end", data_str="{}")
BYE = format_sse_event(event="bye", data_str="{}")
HELLO = format_sse_event(retry=RECONNECT_MILLISECONDS)


def event_stream(
    bulletin: Bulletin, listener: Listener, *, heartbeat: float
) -> EventSourceResponse:
    """Everything the listener has not seen, as it happens; ``heartbeat`` is in seconds."""
    return EventSourceResponse(_story(bulletin, listener, heartbeat), headers=HEADERS)


async def _story(bulletin: Bulletin, listener: Listener, heartbeat: float) -> AsyncIterator[bytes]:
    yield HELLO
    while not bulletin.closed:
        if not await _news(listener, heartbeat):
            yield STILL_HERE
            continue
        for event in await _unseen(bulletin, listener):
            yield _on_the_wire(event)
            if event.status in FINAL_SHIPMENT_STATUSES:
                yield END
                return
    yield BYE


async def _news(listener: Listener, heartbeat: float) -> bool:
    try:
        async with asyncio.timeout(heartbeat):
            return await listener.news.wait()
    except TimeoutError:
        return False


async def _unseen(bulletin: Bulletin, listener: Listener) -> list[ShipmentEvent]:
    """A store that is away makes news late, it does not end the story."""
    try:
        # A listener who leaves right now must not take a connection of the store along.
        return await asyncio.shield(asyncio.create_task(bulletin.unseen(listener)))
    except Unavailable as error:
        get_logger().warning("events.not_read", why=str(error))
        return []


def _on_the_wire(event: ShipmentEvent) -> bytes:
    return format_sse_event(
        event="shipment", id=str(event.sequence), data_str=event.model_dump_json()
    )
