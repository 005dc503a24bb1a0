"""What travels with a request: its id, its trace and its deadline.

The edge binds a context for each request; clients pass it on, logs and problems show it.
Background jobs use_context their own:

    with use_context(RequestContext(deadline=Deadline.after(5))):
        await sweep()
"""

import math
import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from app.errors import BadRequest, DeadlineExceeded

REQUEST_ID_HEADER = "x-request-id"
TIMEOUT_HEADER = "x-request-timeout-ms"
MINIMUM_BUDGET_MS = 20
"""A hop refuses work with less time left than this: nobody would wait for the answer."""
MAX_BUDGET_MS = 60_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACESTATE = re.compile(r"[ -~]{1,512}")
_NO_TRACE_ID = "0" * 32
_NO_SPAN_ID = "0" * 16


# Ids name things, they do not guard them: the fast generator will do. Never zero, which W3C
# trace context takes for "none".
def _new_short_id() -> str:
    return "%016x" % (random.getrandbits(64) or 1)


def _new_long_id() -> str:
    return "%032x" % (random.getrandbits(128) or 1)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on this process's monotonic clock after which nobody waits for the answer."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The moment `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request or job as seen by this service; ids not given are made.

    `span_id` is our own span in the caller's trace.
    """

    request_id: str = field(default_factory=_new_short_id)
    trace_id: str = field(default_factory=_new_long_id)
    span_id: str = field(default_factory=_new_short_id)
    flags: str = "00"
    tracestate: str | None = None
    deadline: Deadline | None = None

    @property
    def traceparent(self) -> str:
        """The W3C header that makes a neighbour's span a child of ours."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def time_left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return math.inf if self.deadline is None else self.deadline.remaining()


NO_REQUEST = RequestContext("-", _NO_TRACE_ID, _NO_SPAN_ID)
"""The context outside of requests and jobs."""

_current: ContextVar[RequestContext] = ContextVar("request_context", default=NO_REQUEST)


def current_context() -> RequestContext:
    """The context of the request or job that runs now, or `NO_REQUEST`."""
    return _current.get()


def without_deadline() -> RequestContext:
    """The current context, for work that others wait for, too: one's hurry is not theirs."""
    context = current_context()
    return context if context.deadline is None else replace(context, deadline=None)


class use_context:  # noqa: N801 - a context manager is used like a function
    """Make `context` the current one inside the block."""

    # A class, because a generator costs every request twice as much.
    __slots__ = ("_context", "_token")

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def __enter__(self) -> RequestContext:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *exc_info: object) -> None:
        _current.reset(self._token)


def from_headers(
    request_id: str | None,
    traceparent: str | None,
    tracestate: str | None,
    *,
    deadline: Deadline | None,
) -> RequestContext:
    """The context a caller's headers ask for; whatever is malformed is made anew."""
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = _new_short_id()
    parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if parent is None or parent[1] == _NO_TRACE_ID or parent[2] == _NO_SPAN_ID:
        return RequestContext(request_id, deadline=deadline)
    state = tracestate if tracestate and _TRACESTATE.fullmatch(tracestate) else None
    return RequestContext(
        request_id, parent[1], flags=parent[3], tracestate=state, deadline=deadline
    )


def deadline_from(timeout_ms: str | None, *, default: float) -> Deadline:
    """The deadline a caller's header asks for, `default` seconds from now without one.

    A budget was sent to be kept, so a malformed one is not replaced: raises BadRequest, and
    DeadlineExceeded when hardly anything is left.
    """
    if timeout_ms is None:
        return Deadline.after(default)
    if not (timeout_ms.isascii() and timeout_ms.isdigit() and len(timeout_ms) <= 9):
        raise BadRequest(f"The header {TIMEOUT_HEADER} must be a whole number of milliseconds.")
    budget = int(timeout_ms)
    if budget < MINIMUM_BUDGET_MS:
        raise DeadlineExceeded("The time budget of this request is spent.")
    return Deadline.after(min(budget, MAX_BUDGET_MS) / 1000)
