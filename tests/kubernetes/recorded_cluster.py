"""A cluster whose responses were recorded: by path, an object or an error."""

from collections.abc import Mapping

from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError, NotFound


class RecordedCluster:
    """What was not recorded is not found."""

    def __init__(self, responses: Mapping[str, Json | ClusterError]) -> None:
        self._responses = responses

    def get(self, path: str) -> Json:
        response = self._responses.get(path, NotFound(f"{path} was not recorded."))
        if isinstance(response, ClusterError):
            raise response
        return response
