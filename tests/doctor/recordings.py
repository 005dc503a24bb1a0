"""Recorded responses of clusters that were broken by hand: one file for each breakage."""

import json
from pathlib import Path
from typing import Any

from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes import errors
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError, NotFound
from tests.kubernetes.recorded_cluster import RecordedCluster

FOLDER = Path(__file__).with_name("recorded")
# In a recorded response, the class and the message of an error.
ERROR = "error"


class RecordedLogs(RecordedCluster):
    """A recorded cluster with the logs of its pods."""

    def __init__(self, responses: dict[str, Json | ClusterError], logs: dict[str, str]) -> None:
        super().__init__(responses)
        self._logs = logs

    def get_text(self, path: str) -> str:
        if path not in self._logs:
            raise NotFound(f"{path} was not recorded.")
        return self._logs[path]


def recorded_view(name: str) -> ClusterView:
    """The namespace of a recording, at the time of the recording."""
    content = json.loads((FOLDER / f"{name}.json").read_text())
    responses = {path: _response(recorded) for path, recorded in content["responses"].items()}
    return ClusterView(
        RecordedLogs(responses, content["logs"]),
        namespace=content["namespace"],
        context=content["context"],
        now=lambda: float(content["now"]),
    )


def _response(recorded: dict[str, Any]) -> Json | ClusterError:
    if ERROR not in recorded:
        return recorded
    kind: type[ClusterError] = getattr(errors, recorded[ERROR])
    return kind(recorded["message"])
