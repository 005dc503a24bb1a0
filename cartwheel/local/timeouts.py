"""Timeouts and intervals of the supervisor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """In seconds, but for ``failure_threshold``; the words are those of Kubernetes' probes."""

    probe_interval: float = 1.0
    probe_timeout: float = 2.0
    # Failed probes in a row: a single slow response is a busy moment.
    failure_threshold: int = 2
    # As long as the startup and liveness probes of the pods allow: a restart does not help a
    # replica that is only busy.
    startup_timeout: float = 60.0
    liveness_timeout: float = 30.0
    # How long `scale` and `restart` wait for a new replica.
    ready_timeout: float = 60.0
    initial_backoff: float = 0.5
    max_backoff: float = 30.0
    # A replica that ran this long restarts with the initial back-off again.
    backoff_reset_after: float = 30.0
    # Callers read the endpoints file every 0.2 s; until then they may still send requests.
    pre_stop_delay: float = 0.25
    termination_grace_period: float = 10.0
    # The same when the whole shop stops.
    shutdown_grace_period: float = 2.3
