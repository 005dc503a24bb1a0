"""What became of the requests of a load."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtest.histogram import Histogram
from loadtest.messages import Response

TIMEOUT = 10.0
"""Seconds that a request may take. A failed or missed one counts as this long."""


@dataclass
class LoadStatistics:
    """Counts, and the durations in seconds. Rejections (4xx) are responses, not failures."""

    sent: int = 0
    missed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """By the status (500 and above), or by what happened in place of a response."""
    durations: Histogram = field(default_factory=Histogram)

    @property
    def failed(self) -> int:
        """Requests without a response (status 0), with a server error (5xx) or an invalid body."""
        return self.failures.total()

    @property
    def rejections(self) -> Mapping[str, int]:
        """Responses of 4xx by status: a shopper's mistake, or load that the shop refused (429)."""
        return {str(status): n for status, n in self.statuses.items() if 400 <= status < 500}

    @property
    def responses(self) -> int:
        """Responses of any status."""
        return self.statuses.total() - self.statuses[0]

    def record_response(self, response: Response, seconds: float) -> None:
        """Count a request that was sent and has ended."""
        self.statuses[response.status] += 1
        if response.is_failure:
            self.failures[response.error or str(response.status)] += 1
            seconds = max(seconds, TIMEOUT)
        self.durations.record(seconds)

    def record_missed(self, number: int) -> None:
        """Count requests that were due and could not be sent."""
        self.missed += number
        self.durations.record(TIMEOUT, times=number)

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` of the requests did not exceed; None without any."""
        return self.durations.quantile(q)
