"""The request context that a caller's headers ask for: request id, trace and deadline."""

import re
from collections.abc import Mapping

from app.errors import BadRequest, DeadlineExceeded, Problem
from app.telemetry.context import (
    NO_SPAN_ID,
    NO_TRACE_ID,
    TIMEOUT_HEADER,
    Deadline,
    RequestContext,
)

MIN_BUDGET_MS = 20
"""A hop refuses work with less time left than this: its caller would be gone before the end."""
MAX_BUDGET_MS = 60_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACESTATE = re.compile(r"[ -~]{1,512}")

Headers = Mapping[bytes, bytes]


def request_context(
    headers: Headers, *, started: float, default_timeout: float, trust_timeout: bool
) -> tuple[RequestContext, Problem | None]:
    """The context of a request, and the problem if its time budget is spent or malformed.

    `started` is when it came, by the monotonic clock. Without `trust_timeout` the caller's budget
    is ignored.
    """
    budget = headers.get(b"x-request-timeout-ms") if trust_timeout else None
    if budget is None:
        return _context(headers, Deadline(started + default_timeout)), None
    try:
        return _context(headers, Deadline(started + _timeout(budget))), None
    except Problem as problem:
        return _context(headers, None), problem


def request_id_of(headers: Headers) -> str | None:
    """The request id that the caller sends; None if there is none, or a malformed one."""
    return _matching(_REQUEST_ID, headers.get(b"x-request-id"))


def _context(headers: Headers, deadline: Deadline | None) -> RequestContext:
    """A malformed request id or trace is replaced by a new one."""
    request_id = request_id_of(headers)
    traceparent = headers.get(b"traceparent")
    parent = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent.decode("latin-1"))
    if parent is None or parent[1] == NO_TRACE_ID or parent[2] == NO_SPAN_ID:
        return RequestContext(request_id, deadline=deadline)
    return RequestContext(
        request_id,
        parent[1],
        flags=parent[3],
        tracestate=_matching(_TRACESTATE, headers.get(b"tracestate")),
        deadline=deadline,
    )


def _matching(pattern: re.Pattern[str], value: bytes | None) -> str | None:
    if value is None:
        return None
    text = value.decode("latin-1")
    return text if pattern.fullmatch(text) else None


def _timeout(budget: bytes) -> float:
    """The seconds a caller gives us.

    A malformed budget is refused, because its caller relies on it. Raises BadRequest, and
    DeadlineExceeded when almost nothing is left.
    """
    # The digits of bytes are those of ASCII.
    if not (budget.isdigit() and len(budget) <= 9):
        raise BadRequest(f"The header {TIMEOUT_HEADER} must be a whole number of milliseconds.")
    milliseconds = int(budget)
    if milliseconds < MIN_BUDGET_MS:
        raise DeadlineExceeded("The time budget of this request is spent.")
    return min(milliseconds, MAX_BUDGET_MS) / 1000
