"""What a console shows, whatever it was put together from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cartwheel.console.live import Live
from cartwheel.console.server.event_stream import EventStream
from cartwheel.console.server.part import Part
from cartwheel.console.server.session import Session


@dataclass(frozen=True)
class Contents:
    """The session is asked for with each page: its ``start`` and ``end`` may change."""

    live: Live
    stream: EventStream
    parts: Sequence[Part]
    session: Callable[[], Session]
