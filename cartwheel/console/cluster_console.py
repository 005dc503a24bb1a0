"""The console of a namespace in a cluster: read-only."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartwheel.console.cluster import ClusterSource, measured_in
from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.console.server import Contents, Session
from cartwheel.console.server.event_stream import EventStream
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.proxy import open_proxy
from cartwheel.local.child_processes import ending_with_pipe
from cartwheel.local.state_folder import StateFolder

READ_ONLY = "Read-only: change a cluster with kubectl or skaffold."
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9.-]+")


@contextmanager
def cluster_console(
    state: StateFolder, *, context: str | None, namespace: str | None
) -> Iterator[Contents]:
    """What the console shows of a namespace, during the block; its history is kept in ``state``.

    Without a context or a namespace, those of kubectl's configuration. Raises `CommandError`.
    """
    cluster = Cluster(context)
    context = cluster.context_name
    namespace = namespace or cluster.namespace
    measured = measured_in(namespace, folder=Path.cwd())
    title = f"namespace {namespace} of {context}"
    live = Live()
    with open_proxy(context, end_with_pipe=ending_with_pipe) as api:
        history = History(live, _history_file(state, f"{context}-{namespace}"))
        source = ClusterSource(api, namespace, live, measured=measured, title=title)

        def session() -> Session:
            span = history.span()
            return Session(
                "cluster",
                f"N{title[1:]}",
                start=span and span[0],
                read_only_reason=READ_ONLY,
            )

        yield Contents(live, EventStream(live), parts=[source, history], session=session)


def _history_file(state: StateFolder, name: str) -> Path:
    state.root.mkdir(parents=True, exist_ok=True)
    name = _NOT_IN_FILE_NAMES.sub("-", name)
    return state.console_history.with_name(f"console-{name}.sqlite")
