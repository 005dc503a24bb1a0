"""Record what the doctor reads of a broken cluster: `python -m tests.doctor.record NAME NAMESPACE`.

What no check looks at is left out, so that a recording stays small.
"""

import json
import sys
import time
from typing import Any

from cartwheel.doctor.check import examine
from cartwheel.doctor.cluster import CHECKS
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.errors import ClusterError, NotFound
from tests.doctor.recordings import ERROR, FOLDER, OF_THE_MACHINE

UNUSED = {
    *("uid", "resourceVersion", "generateName", "generation", "volumes"),
    *("env", "envFrom", "volumeMounts", "tolerations", "securityContext", "affinity", "nodeInfo"),
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "images", "discoveredLabels"),
    *("topologySpreadConstraints", "imageID", "containerID", "podIPs", "hostIPs", "caBundle"),
    *("terminationMessagePath", "terminationMessagePolicy", "dnsPolicy", "schedulerName"),
    *(
        "preemptionPolicy",
        "enableServiceLinks",
        "serviceAccount",
        "serviceAccountName",
        "addresses",
    ),
    *(
        "allocatedResources",
        "internalTrafficPolicy",
        "ipFamilies",
        "ipFamilyPolicy",
        "configSource",
    ),
    *("sessionAffinity", "lastProbeTime", "observedGeneration", "progressDeadlineSeconds"),
    *("revisionHistoryLimit", "terminationGracePeriodSeconds", "automountServiceAccountToken"),
    *("serverAddressByClientCIDRs", "globalUrl", "scrapePool", "lastScrapeDuration", "args"),
    *("scrapeInterval", "scrapeTimeout", "daemonEndpoints", "volumesAttached", "volumesInUse"),
    *(
        "targetRef",
        "nodeName",
        "strategy",
        "hostIP",
        "podIP",
        "clusterIPs",
        "allocatable",
        "capacity",
    ),
    "endpointslice.kubernetes.io/managed-by",
}


class Recorder:
    """Passes on the responses of a cluster and keeps them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.responses: dict[str, Any] = {}
        self.logs: dict[str, str] = {}

    def get(self, path: str) -> Json:
        try:
            response = self._cluster.get(path)
        except ClusterError as error:
            if not isinstance(error, NotFound):
                self.responses[path] = {ERROR: type(error).__name__, "message": str(error)}
            raise
        self.responses[path] = _without_unused(response)
        return response

    def get_text(self, path: str) -> str:
        text = self._cluster.get_text(path)
        self.logs[path] = "\n".join(text.splitlines()[-5:])
        return text


def _without_unused(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_unused(each) for each in value if not _is_other_event(each)]
    if not isinstance(value, dict):
        return value
    if "scrapeUrl" in value:
        value = {name: value[name] for name in ("scrapeUrl", "health", "lastError", "labels")}
    kept = {name: each for name, each in value.items() if name not in UNUSED}
    applied = [each for each in kept.pop("managedFields", []) if _owns_replicas(each)]
    kept = {name: _without_unused(each) for name, each in kept.items()}
    if applied:
        fields = {"fieldsV1": {"f:spec": {"f:replicas": {}}}}
        kept["managedFields"] = [{**each, **fields} for each in applied]
    return kept


def _owns_replicas(entry: dict[str, Any]) -> bool:
    fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
    return entry["operation"] == "Apply" and "f:replicas" in fields


def _is_other_event(value: Any) -> bool:
    is_event = isinstance(value, dict) and "involvedObject" in value
    return is_event and value["involvedObject"]["kind"] != "ScaledObject"


def main(name: str, namespace: str) -> None:
    recorder = Recorder(Cluster())
    view = ClusterView(recorder, namespace, context=Cluster().context_name)
    for examination in examine([each for each in CHECKS if each.name not in OF_THE_MACHINE], view):
        for finding in examination.findings:
            sys.stdout.write(f"{examination.check}: {finding.about}: {finding.problem}\n")
    content = {
        "namespace": namespace,
        "context": view.context,
        "now": round(time.time()),
        "responses": recorder.responses,
        "logs": recorder.logs,
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
