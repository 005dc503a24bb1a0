"""One call to an upstream: the same for each of its tries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from app.client.transport import Params, end_to_end
from app.telemetry.context import NO_REQUEST, REQUEST_ID_HEADER, TIMEOUT_HEADER, current_context

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
SERVICE_TOKEN_HEADER = "x-service-token"
DEADLINE_MARGIN = 0.01
"""Seconds kept for our own response: a call that lasts until the caller's deadline may be cancelled
before it is counted that the upstream was silent."""

_SET_HERE = frozenset(
    {"host", "content-length", "accept-encoding", "expect", "traceparent", "tracestate"}
    | {SERVICE_TOKEN_HEADER, REQUEST_ID_HEADER, TIMEOUT_HEADER}
)


class CallOptions(TypedDict, total=False):
    """Options of a call beside method and path; None means the default."""

    params: Params | None
    headers: Mapping[str, str] | None
    """Passed on, except hop-by-hop headers and those set here."""
    content: bytes | None
    bearer: str | None
    """An access token: the call is made for the person it belongs to."""
    as_service: bool
    """Send the service token: the call is made for the service itself."""
    idempotent: bool | None
    """Whether it may be sent twice. By default the method or an `Idempotency-Key` decides."""
    timeout: float | None
    """Seconds, instead of the upstream's own."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `ends_at` is its deadline by the `Upstream`'s clock.

    `usual_timeout` is the time it has when the caller's deadline does not shorten it. The response
    to an event stream has no deadline.
    """

    method: str
    path: str
    params: Params | None
    headers: Sequence[tuple[str, str]]
    content: bytes
    idempotent: bool
    ends_at: float
    usual_timeout: float
    is_event_stream: bool

    def headers_within(self, seconds: float) -> list[tuple[str, str]]:
        """The headers for a try with this timeout."""
        headers = [*self.headers, ("accept-encoding", "identity"), *_context_headers()]
        if not self.is_event_stream:
            headers.append((TIMEOUT_HEADER, str(int(seconds * 1000))))
        return headers


def build_call(
    method: str,
    path: str,
    options: CallOptions,
    *,
    service_token: str | None,
    now: float,
    timeout: float,
    is_event_stream: bool,
) -> Call:
    """Raises `ValueError` for a path without a leading slash."""
    if not path.startswith("/"):
        # "http://replica" + "@elsewhere" would be a request to another host.
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
        ends_at=now + min(timeout, current_context().time_left() - DEADLINE_MARGIN),
        usual_timeout=timeout,
        is_event_stream=is_event_stream,
    )


def _context_headers() -> Iterator[tuple[str, str]]:
    """Request id and trace context of the request this call is made for."""
    context = current_context()
    if context is NO_REQUEST:
        return
    yield REQUEST_ID_HEADER, context.request_id
    yield "traceparent", context.traceparent
    if context.tracestate is not None:
        yield "tracestate", context.tracestate
