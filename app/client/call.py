"""What is asked of a neighbour, the same for every try."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from app.client.transport import Params, end_to_end
from app.telemetry.context import NO_REQUEST, REQUEST_ID_HEADER, TIMEOUT_HEADER, current_context

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
SERVICE_TOKEN_HEADER = "x-service-token"
MARGIN = 0.01
"""Seconds of the caller's time kept for answering: a call that is over when the caller's time is
may be cancelled before anybody learns that the neighbour was silent."""

_SET_HERE = frozenset(
    {"host", "content-length", "accept-encoding", "expect", "traceparent", "tracestate"}
    | {SERVICE_TOKEN_HEADER, REQUEST_ID_HEADER, TIMEOUT_HEADER}
)


class CallOptions(TypedDict, total=False):
    """What a call may say beside method and path; None is the same as not said."""

    params: Params | None
    headers: Mapping[str, str] | None
    """Passed on, but for those about one connection and those set here."""
    content: bytes | None
    bearer: str | None
    """An access token: act for the caller it belongs to."""
    as_service: bool
    """Show the service token: act for nobody."""
    idempotent: bool | None
    """Whether it may be made twice. Else the method, or an `Idempotency-Key`, says so."""
    timeout: float | None
    """Seconds, instead of the upstream's own."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `ends_at` by the upstream's clock. `endless` answers have no time to be over by.

    `timeout` is what it would have had, had its caller not been in a hurry.
    """

    method: str
    path: str
    params: Params | None
    headers: Sequence[tuple[str, str]]
    content: bytes
    idempotent: bool
    ends_at: float
    timeout: float
    endless: bool

    def headers_within(self, seconds: float) -> list[tuple[str, str]]:
        """The headers for a try that may take so long."""
        headers = [*self.headers, ("accept-encoding", "identity"), *_context_headers()]
        if not self.endless:
            headers.append((TIMEOUT_HEADER, str(int(seconds * 1000))))
        return headers


def compose(
    method: str,
    path: str,
    options: CallOptions,
    *,
    service_token: str | None,
    now: float,
    timeout: float,
    endless: bool,
) -> Call:
    """Make a call of what was asked for. Raises `ValueError` for a path without its slash."""
    if not path.startswith("/"):
        # "http://replica" + "@elsewhere" would be a request to somebody else.
        raise ValueError(f"a path starts with a slash: {path!r}")
    given = end_to_end((options.get("headers") or {}).items())
    headers = [pair for pair in given if pair[0] not in _SET_HERE]
    if (bearer := options.get("bearer")) is not None:
        headers = [pair for pair in headers if pair[0] != "authorization"]
        headers.append(("authorization", f"Bearer {bearer}"))
    if service_token is not None:
        headers.append((SERVICE_TOKEN_HEADER, service_token))
    idempotent = options.get("idempotent")
    if idempotent is None:
        idempotent = method in IDEMPOTENT or any(name == "idempotency-key" for name, _ in headers)
    timeout = options.get("timeout") or timeout
    return Call(
        method=method,
        path=path,
        params=options.get("params"),
        headers=headers,
        content=options.get("content") or b"",
        idempotent=idempotent,
        ends_at=now + min(timeout, current_context().time_left() - MARGIN),
        timeout=timeout,
        endless=endless,
    )


def _context_headers() -> Iterator[tuple[str, str]]:
    """What a neighbour should know of the request this call is made for."""
    context = current_context()
    if context is NO_REQUEST:
        return
    yield REQUEST_ID_HEADER, context.request_id
    yield "traceparent", context.traceparent
    if context.tracestate is not None:
        yield "tracestate", context.tracestate
