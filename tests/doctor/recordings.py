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
# Checks of the machine on which the doctor runs, which no recording has.
OF_THE_MACHINE = ("kind-machine", "access", "inotify")


class RecordedLogs(RecordedCluster):
    """A recorded cluster with the logs of its pods."""

    def __init__(self, responses: dict[str, Json | ClusterError], logs: dict[str, str]) -> None:
        super().__init__(responses)
        self._logs = logs

    def get_text(self, path: str) -> str:
        if path not in self._logs:
            raise NotFound(f"{path} was not recorded.")
        return self._logs[path]


def recorded(name: str) -> dict[str, Any]:
    """A recording: namespace, context, time, responses by path, logs."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def view_of(recording: dict[str, Any]) -> ClusterView:
    """The namespace of a recording, at the time of the recording."""
    responses = {path: _response(each) for path, each in recording["responses"].items()}
    return ClusterView(
        RecordedLogs(responses, recording["logs"]),
        namespace=recording["namespace"],
        context=recording["context"],
        now=lambda: float(recording["now"]),
    )


def _response(response: dict[str, Any]) -> Json | ClusterError:
    if ERROR not in response:
        return response
    kind: type[ClusterError] = getattr(errors, response[ERROR])
    return kind(response["message"])
