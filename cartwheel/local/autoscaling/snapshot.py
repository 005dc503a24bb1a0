"""What an autoscaler of the local run is and did last, as JSON for `cartwheel explain`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaState
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.autoscaling.state import State


@dataclass(frozen=True)
class Snapshot:
    """``manifest`` is the YAML in force; after a restart of the shop, ``original`` is.

    The rest is that of the last sync, with the YAML that it was ``decided_by``: a change waits for
    the next one. Before the first sync there is no observation.
    """

    service: str
    autoscaler: Autoscaler
    options: ControllerOptions
    units: Mapping[str, str]
    state: State | KedaState
    observation: Observation | None
    decision: Decision | None
    # A shop of an older version sends none of these.
    manifest: str = ""
    original: str = ""
    decided_by: str = ""

    def as_json(self) -> dict[str, Any]:
        """Can be read again with `snapshot_of`."""
        document: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return document


def snapshot_of(document: dict[str, Any]) -> Snapshot:
    """The snapshot that a supervisor sent."""
    return _ADAPTER.validate_python(document)


_ADAPTER = TypeAdapter(Snapshot)
