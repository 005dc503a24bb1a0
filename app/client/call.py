"""One call to an upstream: the same for each of its tries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from app.client.messages import Headers, Params, Request, end_to_end, joined, target_of
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


@dataclass(slots=True)
class Call:
    """One call to an upstream of this name. `ends_at` is its deadline by the `Upstream`'s clock.

    `usual_timeout` is the time it has when the caller's deadline does not shorten it. The response
    to an event stream has no deadline.
    """

    upstream: str
    method: str
    target: str
    headers: Headers
    content: bytes
    idempotent: bool
    ends_at: float
    usual_timeout: float
    is_event_stream: bool

    def request_to(self, url: str, *, timeout: float) -> Request:
        """The request for a try with this timeout, to the replica at this URL."""
        headers = self.headers
        if not self.is_event_stream:
            headers = {**headers, TIMEOUT_HEADER: str(int(timeout * 1000))}
        return Request(self.upstream, self.method, url, self.target, headers, self.content)


def build_call(
    upstream: str,
    method: str,
    path: str,
    options: CallOptions,
    *,
    service_token: str | None,
    now: float,
    timeout: float,
    is_event_stream: bool,
) -> Call:
    """Raises `ValueError` for a path without a leading slash.

    The path is sent as given: its caller has percent-encoded what needs it.
    """
    if not path.startswith("/"):
        # "http://replica" + "@elsewhere" would be a request to another host.
        raise ValueError(f"a path starts with a slash: {path!r}")
    given = options.get("headers")
    headers = _passed_on(given) if given else {}
    if (bearer := options.get("bearer")) is not None:
        headers["authorization"] = f"Bearer {bearer}"
    if service_token is not None:
        headers[SERVICE_TOKEN_HEADER] = service_token
    headers["accept-encoding"] = "identity"
    idempotent = options.get("idempotent")
    if idempotent is None:
        idempotent = method in IDEMPOTENT or "idempotency-key" in headers
    timeout = options.get("timeout") or timeout
    context = current_context()
    if context is not NO_REQUEST:
        headers[REQUEST_ID_HEADER] = context.request_id
        headers["traceparent"] = context.traceparent
        if context.tracestate is not None:
            headers["tracestate"] = context.tracestate
    return Call(
        upstream=upstream,
        method=method,
        target=target_of(path, options.get("params")),
        headers=headers,
        content=options.get("content") or b"",
        idempotent=idempotent,
        ends_at=now + min(timeout, context.time_left() - DEADLINE_MARGIN),
        usual_timeout=timeout,
        is_event_stream=is_event_stream,
    )


def _passed_on(given: Mapping[str, str]) -> Headers:
    headers = end_to_end(joined(given.items()))
    for name in _SET_HERE.intersection(headers):
        del headers[name]
    return headers
