"""What a reader of a cluster needs: GET of a path, one or several at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from cartwheel.kubernetes.errors import ClusterError

Json = Mapping[str, Any]

MAX_CONCURRENT = 8


class KubernetesApi(Protocol):
    """A cluster, or a recording of its responses."""

    def get(self, path: str) -> Json:
        """The object at a path of the API. Raises `ClusterError`."""
        ...


def get_all(api: KubernetesApi, paths: Sequence[str]) -> list[Json | ClusterError]:
    """The objects at several paths, asked for at once; an error takes the place of its object."""
    if not paths:
        return []
    with ThreadPoolExecutor(min(len(paths), MAX_CONCURRENT)) as threads:
        return [*threads.map(lambda path: _get_or_error(api, path), paths)]


def path_of(*segments: str, **query: str) -> str:
    """A path of the API from its segments, quoted; empty values of the query are left out."""
    path = "/" + "/".join(quote(segment, safe=":*") for segment in segments)
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path


def _get_or_error(api: KubernetesApi, path: str) -> Json | ClusterError:
    try:
        return api.get(path)
    except ClusterError as error:
        return error
