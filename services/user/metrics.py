"""The shop's own numbers about people; labels are few and fixed."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from prometheus_client import Counter, Gauge

from app.telemetry.metrics import Metrics

SessionOutcome = Literal[
    "logged_in",
    "refused",
    "limited",
    "guest",
    "guest_limited",
    "refreshed",
    "refresh_refused",
    "refresh_replaced",
    "refresh_reused",
    "logged_out",
]


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened, as `/metrics` tells it."""

    sessions: Counter
    registered: Counter
    deleted: Counter
    passwords_waiting: Gauge

    @classmethod
    def of(cls, metrics: Metrics) -> Self:
        return cls(
            sessions=metrics.counter(
                "sessions_total",
                "Do people get in? Log-ins, guests, refreshes and log-outs by their outcome.",
                {"outcome": get_args(SessionOutcome)},
            ),
            registered=metrics.counter(
                "users_registered_total", "How many people made an account?"
            ),
            deleted=metrics.counter(
                "users_deleted_total", "How many people deleted their account?"
            ),
            passwords_waiting=metrics.gauge(
                "passwords_waiting", "Is the line for hashing passwords getting long?"
            ),
        )

    def session(self, outcome: SessionOutcome) -> None:
        self.sessions.labels(outcome).inc()
