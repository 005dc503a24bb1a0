"""The recording of a run's autoscaler: each sync, and each change of its replicas.

Every sync is written, also when nothing changes: what the autoscaler remembers depends on each
of them, and a replay has to come to the same decisions.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.errors import describe_error
from cartwheel.local.autoscaling.observations import ScaledReplicas
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    Recorder,
    ReplicasChanged,
    SessionStarted,
    Synced,
)
from cartwheel.recording.recorder import earlier_file

MAX_AGE = 7 * 24 * 3600.0
"""Seconds after which the recording of an earlier run is deleted at the start of the next."""


class Journal:
    """Writes the recording. Without space for it the run goes on; ``problem`` then says why."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._last_counts: tuple[int, ...] | None = None
        self._open_problem: str | None = None
        self._recorder: Recorder | None = None
        for file in (path, earlier_file(path)):
            with suppress(OSError):
                if file.stat().st_mtime < now() - MAX_AGE:
                    file.unlink()
        try:
            self._recorder = Recorder(path)
        except OSError as error:
            self._open_problem = describe_error(error)

    @property
    def problem(self) -> str | None:
        """Why the last entry was not written."""
        return self._recorder.problem if self._recorder else self._open_problem

    def start(
        self,
        autoscaler: Autoscaler,
        options: ControllerOptions,
        units: Mapping[str, str],
        *,
        manifest: str,
    ) -> None:
        """Begin a session: the autoscaler remembers nothing yet."""
        self._record(SessionStarted(self._now(), autoscaler, options, units, manifest))

    def change(self, autoscaler: Autoscaler, units: Mapping[str, str], *, manifest: str) -> None:
        """Go on with another manifest of the same name."""
        self._record(AutoscalerChanged(self._now(), autoscaler, units, manifest))

    def add_sync(self, autoscaler: str, observation: Observation, decision: Decision) -> None:
        """Write one sync."""
        self._record(Synced(observation.at, autoscaler, observation, decision))

    def add_replicas(self, service: str, replicas: ScaledReplicas, *, serving: int) -> None:
        """Write the counts of replicas if they have changed."""
        active = [replica for replica in replicas.replicas if not replica.is_stopping]
        counts = (
            replicas.desired,
            sum(replica.pid is not None for replica in active),
            len(replicas.ready),
            serving,
        )
        if counts != self._last_counts:
            self._last_counts = counts
            self._record(ReplicasChanged(self._now(), service, *counts))

    def close(self) -> None:
        """End the recording; what is added later is dropped."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None

    def _record(self, entry: Entry) -> None:
        if self._recorder is not None:
            self._recorder.record(entry)
