"""How a try ended, and who is to blame.

docs/decisions/0007-whose-fault-a-failed-call-is.md has the table of all outcomes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.client.errors import ConnectTimeout, OutOfTime, UpstreamError, UpstreamTimeout

FAIR_TIMEOUT = 0.4
"""Seconds. An upstream that had less, because the caller's deadline was near, is not blamed for
a timeout."""
FAIR_TIMEOUT_SHARE = 0.5
"""The same for calls with a short timeout of their own: this share of it is enough."""


class Outcome(StrEnum):
    """What a try says about its replica."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SILENT = "silent"
    ABSENT = "absent"


@dataclass(slots=True)
class TryResult:
    """How a try ended. `label` is for the metrics; no `outcome`: it says nothing of the replica."""

    label: str = "cancelled"
    outcome: Outcome | None = None
    reason: str = ""

    def record_response(self, status_code: int, headers: Mapping[str, str]) -> None:
        if status_code < 400:
            self.label, self.outcome = "ok", Outcome.SUCCEEDED
        elif _is_shed(status_code, headers):
            self.label = "shed"
        elif status_code < 500:
            # The request was wrong, and the upstream did its work by rejecting it.
            self.label, self.outcome = "client_error", Outcome.SUCCEEDED
        else:
            self.label, self.outcome = "server_error", Outcome.FAILED
            self.reason = f"it answered {status_code}."

    def record_error(self, error: UpstreamError) -> None:
        self.label, self.reason = error.label, error.reason
        if error.is_local:
            return
        if error.unsent:
            self.outcome = Outcome.ABSENT
        elif isinstance(error, UpstreamTimeout):
            self.outcome = Outcome.SILENT
        else:
            self.outcome = Outcome.FAILED

    @property
    def success(self) -> bool | None:
        """For the circuit breaker. One absent replica says nothing about the whole upstream."""
        if self.outcome in (None, Outcome.ABSENT):
            return None
        return self.outcome is Outcome.SUCCEEDED


def excuse_short_timeout(
    error: UpstreamError, *, timeout: float, usual_timeout: float
) -> UpstreamError:
    """Return the error, or `OutOfTime` for a timeout that was too short to blame the upstream."""
    if not isinstance(error, UpstreamTimeout | ConnectTimeout):
        return error
    if timeout >= min(FAIR_TIMEOUT, FAIR_TIMEOUT_SHARE * usual_timeout):
        return error
    return OutOfTime(error.upstream, "its caller left it too little time.", unsent=error.unsent)


def _is_shed(status_code: int, headers: Mapping[str, str]) -> bool:
    """Whether the replica rejected the request to stay healthy."""
    return status_code == 429 or (status_code == 503 and "retry-after" in headers)
