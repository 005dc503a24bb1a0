"""The queries of the mesh, evaluated by the Prometheus of a cluster."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from cartwheel.kubernetes.api import Json, KubernetesApi, get_all, path_of
from cartwheel.kubernetes.errors import BadRequest, Unavailable
from cartwheel.mesh.queries import Name
from cartwheel.mesh.traffic import Results
from cartwheel.promql import SeriesValue

QUERY_LABEL = "mesh_query"
DEFAULT_PORT = 9090


class WrongQuery(BadRequest):
    """Prometheus responds, and rejects one of the queries."""

    def __init__(self, name: Name, reason: str) -> None:
        super().__init__(reason)
        self.name = name


@dataclass(frozen=True)
class PrometheusService:
    """A Service of the cluster, reached by the API server's proxy to it."""

    namespace: str
    name: str = "prometheus"
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}"

    def query_path(self, query: str) -> str:
        service = f"http:{self.name}:{self.port}"
        start = path_of("api", "v1", "namespaces", self.namespace, "services", service)
        arguments = urlencode({"query": query}, quote_via=quote)
        return f"{start}/proxy/api/v1/query?{arguments}"


def evaluate(
    api: KubernetesApi, prometheus: PrometheusService, queries: Mapping[Name, str]
) -> Results:
    """The results of all queries at this moment, in one request.

    Raises `WrongQuery` for one that Prometheus rejects, `ClusterError`.
    """
    labelled = {
        name: f'label_replace(({query}), "{QUERY_LABEL}", "{name}", "", "")'
        for name, query in queries.items()
    }
    try:
        response = api.get(prometheus.query_path(" or ".join(labelled.values())))
    except BadRequest as error:
        paths = {name: prometheus.query_path(query) for name, query in labelled.items()}
        raise _wrong_query(api, paths) or error from None
    try:
        found = response["data"]["result"]
        return _by_query(found)
    except (KeyError, TypeError, ValueError):
        raise Unavailable(f"The response of Prometheus {prometheus} is not understood.") from None


def _wrong_query(api: KubernetesApi, paths: Mapping[Name, str]) -> WrongQuery | None:
    """The first of these queries that is rejected by itself."""
    for name, found in zip(paths, get_all(api, [*paths.values()]), strict=True):
        if isinstance(found, BadRequest):
            return WrongQuery(name, str(found))
    return None


def _by_query(result: Sequence[Json]) -> Results:
    results: dict[Name, list[SeriesValue]] = {}
    for one in result:
        labels = dict(one["metric"])
        value = float(one["value"][1])
        name = Name(labels.pop(QUERY_LABEL))
        if math.isfinite(value):
            results.setdefault(name, []).append(SeriesValue(labels, value))
    return results
