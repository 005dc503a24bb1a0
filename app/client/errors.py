"""How a call to a neighbour can fail to bring an answer.

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
    """A neighbour gave no usable answer; `upstream` is its name.

    `unsent`: it surely saw nothing of the request. `unanswered`: a kept connection ended before
    the answer began. `blameless`: the cause is on our side and not held against it.
    """

    type = "upstream-unavailable"
    title = "A neighbour is not available"
    outcome: ClassVar[str] = "error"

    def __init__(
        self,
        upstream: str,
        reason: str,
        *,
        retry_after: int = 1,
        unsent: bool = False,
        unanswered: bool = False,
        blameless: bool = False,
    ) -> None:
        # Named in the answer too: whoever asked us can tell its caller who is missing.
        super().__init__(
            f"'{upstream}' is not available: {reason}", retry_after=retry_after, upstream=upstream
        )
        self.upstream = upstream
        self.reason = reason
        self.unsent = unsent
        self.unanswered = unanswered
        self.blameless = blameless


class UpstreamTimeout(UpstreamError):
    """It did not answer, or not completely, within the time the call had."""

    outcome = "timeout"


class OutOfTime(UpstreamTimeout):
    """Whoever called us left too little time to say anything about the neighbour."""

    outcome = "out_of_time"

    def __init__(self, upstream: str, reason: str, *, unsent: bool = False) -> None:
        super().__init__(upstream, reason, unsent=unsent, blameless=True)


class UpstreamBroken(UpstreamError):
    """It answered something that cannot be used: cut off, badly framed, not what was agreed."""

    outcome = "broken"


class UpstreamRefused(UpstreamError):
    """Nobody took the request: no connection, or no replica known."""

    outcome = "refused"


class ConnectTimeout(UpstreamRefused):
    """No connection could be made in time; nothing was sent."""

    outcome = "connect_timeout"

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(upstream, reason, unsent=True)


class LocalLimit(UpstreamRefused):
    """So much is going on with it that this process takes on no more."""

    outcome = "local_limit"

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(upstream, reason, blameless=True)


class BreakerOpen(UpstreamRefused):
    """It failed so often that it is left alone for some seconds; nothing was sent."""

    outcome = "breaker_open"
