"""An order's events as server-sent events.

| on the wire            | when                                                               |
|------------------------|--------------------------------------------------------------------|
| `event: shipment`      | something happened; `id` is its sequence number                    |
| `: still here`         | nothing happened for a while                                       |
| `event: end`           | delivered or cancelled: nothing will ever follow                   |
| `event: bye`           | this replica stops, or the stream is old: connect again            |

A stream outlives the access token that opened it, so it does not last for ever: who connects
again shows a token again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.sse import EventSourceResponse, format_sse_event

from app.errors import Unavailable
from app.process.background import consume_exception
from app.telemetry.logs import get_logger
from services.tracking.events import Bulletin, Listener
from services.tracking.models import FINAL_SHIPMENT_STATUSES, ShipmentEvent

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
RECONNECT_MILLISECONDS = 1000

STILL_HERE = format_sse_event(comment="still here")
END = format_sse_event(event="end", data_str="{}")
BYE = format_sse_event(event="bye", data_str="{}")
HELLO = format_sse_event(retry=RECONNECT_MILLISECONDS)


@dataclass(frozen=True, slots=True)
class StreamTempo:
    """Seconds between two signs of life, and until a stream has to be opened again."""

    heartbeat: float
    longest: float


def event_stream(bulletin: Bulletin, listener: Listener, tempo: StreamTempo) -> EventSourceResponse:
    """Everything the listener has not seen, as it happens."""
    return EventSourceResponse(_story(bulletin, listener, tempo), headers=HEADERS)


async def _story(
    bulletin: Bulletin, listener: Listener, tempo: StreamTempo
) -> AsyncIterator[bytes]:
    time = asyncio.get_running_loop().time
    ends_at = time() + tempo.longest
    yield HELLO
    while not bulletin.closed and time() < ends_at:
        if not await _news(listener, tempo.heartbeat):
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
        reading = asyncio.create_task(bulletin.unseen(listener))
        reading.add_done_callback(consume_exception)
        return await asyncio.shield(reading)
    except Unavailable as error:
        get_logger().warning("events.not_read", why=str(error))
        return []


def _on_the_wire(event: ShipmentEvent) -> bytes:
    return format_sse_event(
        event="shipment", id=str(event.sequence), data_str=event.model_dump_json()
    )
