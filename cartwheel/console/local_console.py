"""The console of the shop that runs in a state folder: all its parts, put together."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from cartwheel.console.autoscaler import AutoscalerPart
from cartwheel.console.faults import FaultsPart
from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.console.load import LoadPart
from cartwheel.console.local import LocalSource
from cartwheel.console.server import Contents, Part, Session
from cartwheel.console.server.event_stream import EventStream
from cartwheel.console.server.session import AvailableParts
from cartwheel.console.sessions.routes import SessionFiles
from cartwheel.invocation import display_path
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import Frame
from cartwheel.mesh.frame import OUTSIDE

logger = logging.getLogger(__name__)

MIN_ARRIVALS = 1.0
"""Requests per second at which a shop is at work."""

P = ParamSpec("P")
T = TypeVar("T")


def local_console(state: StateFolder, *, shop_url: str | None = None) -> Contents:
    """What the console of this shop shows and serves."""
    live = Live()
    stream = EventStream(live)
    history = History(live, state.console_history)
    files = SessionFiles(history, state.recording)
    load = LoadPart.of(live, state)
    faults = FaultsPart(state, mark=live.mark)
    autoscaler = AutoscalerPart(live, state, arrivals=history.arrivals, keep_earlier=history.keep)
    source = LocalSource(
        state,
        live,
        load_state=_guarded(load.state, default=None),
        fault_states=_guarded(faults.states, default=()),
        keep_earlier=history.keep,
        is_watched=lambda: stream.page_count > 0 or _is_at_work(live.latest),
    )

    def session() -> Session:
        span = history.span()
        return Session(
            "local",
            f"The shop in {display_path(state.root)}",
            shop_url=shop_url,
            start=span and span[0],
            parts=AvailableParts(load=True, faults=True, autoscaler=True),
        )

    parts: list[Part] = [source, history, files, load, faults, autoscaler]
    return Contents(live, stream, parts=parts, session=session)


def _is_at_work(frame: Frame | None) -> bool:
    """Whether what happens is worth a frame each second, also if nobody looks: it may be saved."""
    if frame is None:
        return False
    arrivals = sum(edge.rate for edge in frame.edges if edge.source == OUTSIDE)
    return arrivals >= MIN_ARRIVALS or bool(frame.faults)


def _guarded(call: Callable[P, T], *, default: T) -> Callable[P, T]:
    """What a part says for each frame: when it fails, the frame lacks it and nothing else."""

    def call_or_default(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except Exception:
            logger.exception("%r failed", call)
            return default

    return call_or_default
