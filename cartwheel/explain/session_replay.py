"""An autoscaler of a recording, decided anew entry by entry: what it remembered at each sync."""

from cartwheel.autoscaling.changes import changed
from cartwheel.autoscaling.keda import autoscaler_of
from cartwheel.explain.explanation import Sync
from cartwheel.recording import AutoscalerChanged, SessionStarted, Synced


class SessionReplay:
    """Follows one session of one autoscaler."""

    def __init__(self, start: SessionStarted) -> None:
        self.start = start
        self.in_force: SessionStarted | AutoscalerChanged = start
        self._engine = autoscaler_of(start.autoscaler, start.options, start.state)

    def change(self, entry: AutoscalerChanged) -> None:
        """Another manifest is in force."""
        self.in_force, self._engine = entry, changed(self._engine, entry.autoscaler)

    def sync(self, entry: Synced) -> Sync:
        """The sync, with what the autoscaler remembers after it."""
        self._engine.sync(entry.observation)
        return Sync(
            self.in_force.autoscaler,
            self.start.options,
            entry.observation,
            entry.decision,
            self._engine.state,
            self.in_force.units,
            self.in_force.manifest,
        )
