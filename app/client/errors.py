"""How a call to an upstream can end without a usable response.

UpstreamError 503
├── UpstreamTimeout
│   └── OutOfTime
├── UpstreamBroken
└── UpstreamRefused
    ├── ConnectTimeout
    ├── LocalLimit
    └── BreakerOpen
"""

from typing import ClassVar

from app.errors import Unavailable


class UpstreamError(Unavailable):
    """There is no usable response; `upstream` is the upstream's name.

    `unsent`: it has certainly seen nothing of the request. `stale_connection`: a reused
    connection ended before the response began. `is_local`: the cause is on our side, so it is
    not held against the upstream.
    """

    type = "upstream-unavailable"
    title = "A neighbour is not available"
    label: ClassVar[str] = "error"
    """How metrics and logs name it."""

    def __init__(
        self,
        upstream: str,
        reason: str,
        *,
        retry_after: int = 1,
        unsent: bool = False,
        stale_connection: bool = False,
        is_local: bool = False,
    ) -> None:
        # Named in our response too, so that our caller knows which service is missing.
        super().__init__(
            f"'{upstream}' is not available: {reason}", retry_after=retry_after, upstream=upstream
        )
        self.upstream = upstream
        self.reason = reason
        self.unsent = unsent
        self.stale_connection = stale_connection
        self.is_local = is_local


class UpstreamTimeout(UpstreamError):
    """There was no response, or only a part of it, within the timeout."""

    label = "timeout"


class OutOfTime(UpstreamTimeout):
    """The caller's deadline left too little time; this says nothing about the upstream."""

    label = "out_of_time"

    def __init__(self, upstream: str, reason: str, *, unsent: bool = False) -> None:
        super().__init__(upstream, reason, unsent=unsent, is_local=True)


class UpstreamBroken(UpstreamError):
    """The response cannot be used: it is cut off, badly framed or not what was agreed."""

    label = "broken"


class UpstreamRefused(UpstreamError):
    """No replica accepted the request: no connection, or no replica known."""

    label = "refused"


class ConnectTimeout(UpstreamRefused):
    """No connection could be made in time; nothing was sent."""

    label = "connect_timeout"

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(upstream, reason, unsent=True)


class LocalLimit(UpstreamRefused):
    """This process has reached its limit of connections or bytes for this upstream."""

    label = "local_limit"

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(upstream, reason, is_local=True)


class BreakerOpen(UpstreamRefused):
    """The circuit breaker is open: too many calls failed. Nothing was sent."""

    label = "breaker_open"
