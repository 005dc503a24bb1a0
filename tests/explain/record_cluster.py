"""Record what a cluster responds while an autoscaler is explained, as data for a test.

    python -m tests.explain.record_cluster NAMESPACE REFERENCE > tests/explain/recorded/NAME.json

What says nothing about scaling is left out: managed fields, annotations of kubectl, environment.
"""

import json
import sys
import time
from typing import Any

from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.errors import ClusterError

# Fields of any object that say nothing about scaling.
_DROPPED = """
    affinity allocatedResources args automountServiceAccountToken command containerID dnsPolicy
    enableServiceLinks env envFrom generateName hostIP hostIPs image imageID imagePullPolicy
    initContainerStatuses kubectl.kubernetes.io/last-applied-configuration lastState lifecycle
    livenessProbe managedFields nodeName ownerReferences podIP podIPs ports preemptionPolicy
    priority readinessProbe reportingInstance resourceVersion schedulerName securityContext
    serverAddressByClientCIDRs serviceAccount serviceAccountName source startupProbe template
    terminationGracePeriodSeconds terminationMessagePath terminationMessagePolicy tolerations
    topologySpreadConstraints uid versions volumeMounts volumes
"""
DROPPED = frozenset(_DROPPED.split())
MAX_EVENTS = 4


class RecordingCluster:
    """A cluster that keeps its responses."""

    def __init__(self) -> None:
        self._cluster = Cluster()
        self.responses: dict[str, Any] = {}

    def get(self, path: str) -> Json:
        try:
            response = self._cluster.get(path)
        except ClusterError as error:
            self.responses[path] = {"error": type(error).__name__, "message": str(error)}
            raise
        self.responses[path] = slim(path, response)
        return response


def slim(path: str, response: Json) -> Any:
    """Without what is not needed, and of many events only the last."""
    kept = without_dropped(response)
    if "/events?" in path:
        kept["items"] = sorted(kept["items"], key=lambda event: str(event.get("lastTimestamp")))
        kept["items"] = kept["items"][-MAX_EVENTS:]
    return kept


def without_dropped(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: without_dropped(one) for key, one in item.items() if key not in DROPPED}
    return [without_dropped(one) for one in item] if isinstance(item, list) else item


def main() -> None:
    namespace, reference = sys.argv[1:]
    cluster, at = RecordingCluster(), time.time()
    ClusterExplainer(cluster, namespace, source="", clock=lambda: at).explain(reference)
    recorded = {"at": at, "namespace": namespace, "reference": reference}
    json.dump({**recorded, "responses": cluster.responses}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
