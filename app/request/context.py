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
    new_short_id,
)

MIN_BUDGET_MS = 20
"""A hop refuses work with less time left than this: its caller would be gone before the end."""
MAX_BUDGET_MS = 60_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACESTATE = re.compile(r"[ -~]{1,512}")

Headers = Mapping[bytes, bytes]


def request_context(
    headers: Headers, *, default_timeout: float, trust_timeout: bool
) -> tuple[RequestContext, Problem | None]:
    """The context of a request, and the problem if its time budget is spent or malformed.

    Without `trust_timeout` the caller's budget is ignored.
    """
    budget = _text(headers, b"x-request-timeout-ms") if trust_timeout else None
    deadline, problem = None, None
    try:
        deadline = _deadline(budget, default=default_timeout)
    except Problem as error:
        problem = error
    return _context(headers, deadline), problem


def _context(headers: Headers, deadline: Deadline | None) -> RequestContext:
    """A malformed request id or trace is replaced by a new one."""
    request_id = _text(headers, b"x-request-id")
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = new_short_id()
    traceparent = _text(headers, b"traceparent")
    parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if parent is None or parent[1] == NO_TRACE_ID or parent[2] == NO_SPAN_ID:
        return RequestContext(request_id, deadline=deadline)
    tracestate = _text(headers, b"tracestate")
    if tracestate is not None and not _TRACESTATE.fullmatch(tracestate):
        tracestate = None
    return RequestContext(
        request_id, parent[1], flags=parent[3], tracestate=tracestate, deadline=deadline
    )


def _deadline(budget: str | None, *, default: float) -> Deadline:
    """The caller's deadline, or `default` seconds from now without a budget.

    A malformed budget is refused, because its caller relies on it. Raises BadRequest, and
    DeadlineExceeded when almost nothing is left.
    """
    if budget is None:
        return Deadline.after(default)
    if not (budget.isascii() and budget.isdigit() and len(budget) <= 9):
        raise BadRequest(f"The header {TIMEOUT_HEADER} must be a whole number of milliseconds.")
    milliseconds = int(budget)
    if milliseconds < MIN_BUDGET_MS:
        raise DeadlineExceeded("The time budget of this request is spent.")
    return Deadline.after(min(milliseconds, MAX_BUDGET_MS) / 1000)


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
