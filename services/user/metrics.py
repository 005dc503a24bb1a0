"""The shop's own numbers about people; labels are few and fixed."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import Counter, Gauge

from app.telemetry.metrics import Metrics


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
                ("outcome",),
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

    def session(self, outcome: str) -> None:
        self.sessions.labels(outcome).inc()
