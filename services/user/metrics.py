"""The metrics of this service, and the question each of them answers."""

from typing import Literal, get_args

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


class UserMetrics:
    def __init__(self, metrics: Metrics) -> None:
        self._sessions = metrics.counter(
            "sessions_total",
            "Do people get in? Log-ins, guests, refreshes and log-outs by their outcome.",
            {"outcome": get_args(SessionOutcome)},
        )
        self.registered = metrics.counter(
            "users_registered_total", "How many people made an account?"
        )
        self.deleted = metrics.counter(
            "users_deleted_total", "How many people deleted their account?"
        )
        self.passwords_waiting = metrics.gauge(
            "passwords_waiting", "Is the line for hashing passwords getting long?"
        )

    def count_session(self, outcome: SessionOutcome) -> None:
        self._sessions.labels(outcome).inc()
