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

DROPPED = {
    "managedFields",
    "uid",
    "resourceVersion",
    "kubectl.kubernetes.io/last-applied-configuration",
    "env",
    "volumes",
    "volumeMounts",
    "initContainerStatuses",
    "containerID",
    "imageID",
    "lastState",
    "allocatedResources",
    "template",
    "ownerReferences",
    "command",
    "args",
    "ports",
    "securityContext",
    "tolerations",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "affinity",
    "topologySpreadConstraints",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "serverAddressByClientCIDRs",
    "reportingInstance",
    "source",
}


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
        self.responses[path] = without_dropped(response)
        return response


def without_dropped(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: without_dropped(one) for key, one in item.items() if key not in DROPPED}
    return [without_dropped(one) for one in item] if isinstance(item, list) else item


def main() -> None:
    namespace, reference = sys.argv[1:]
    cluster, at = RecordingCluster(), time.time()
    ClusterExplainer(cluster, namespace, source="", clock=lambda: at).explain(reference)
    recorded = {"at": at, "namespace": namespace, "reference": reference}
    json.dump({**recorded, "responses": cluster.responses}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
