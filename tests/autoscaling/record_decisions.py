"""Record what kube-controller-manager read and decided, from its own log.

    python -m tests.autoscaling.record_decisions cartwheel/cart \\
        --log controller-manager.log --pods pods.jsonl > tests/autoscaling/recorded/NAME.jsonl

At verbosity 10 the controller manager logs the body of each response, so its input is known
exactly: `--v=10 --kube-api-content-type=application/json`. The log must begin where the program
did, because it remembers recommendations. Pods reach it by a watch, whose bodies are not in the
log; another watch, begun before that start, records them with the time of each event:

    kubectl get pods -n cartwheel -w --output-watch-events -o json |
        jq --unbuffered -c '{at: now} + .' > pods.jsonl

Responses to other autoscalers can get between a response and its body in the log, and an error does
not say whose it is: record on a cluster without many others.

The output has only the fields that count, and in each line only what is new.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.controller_options import options_of
from cartwheel.kubernetes.metrics import MetricsApis, metric_path

Json = dict[str, Any]

_ENTRY = re.compile(r"[IWEF](?P<day>\d{4}) (?P<time>[\d:.]+) +\d+ \S+\] (?P<text>.*)")
_RESPONSE = re.compile(r'"Response" verb="GET" url="(?P<url>[^"]+)"')
_FLAG = re.compile(r'FLAG: (?P<name>\S+)="(?P<value>.*)"')
_DESIRED = re.compile(r"desiredReplicas=(\d+)")
_KINDS = {
    "/metrics.k8s.io/": "PodMetricsList",
    "/custom.metrics.k8s.io/": "MetricValueList",
    "/external.metrics.k8s.io/": "ExternalMetricValueList",
}
_VERSION = re.compile(r'"Starting" version="v1\.(?P<minor>\d+)')


@dataclass
class Entry:
    """An entry of the log; ``body`` is what its further lines have."""

    at: float
    text: str
    body: str = ""


@dataclass
class Sync:
    """One sync: what the controller read, and what it made of it.

    ``responses`` are those of metrics, by path; other autoscalers of the namespace may have asked
    for some of them.
    """

    scale: Json
    at: float
    responses: list[tuple[str, Json]] = field(default_factory=list)
    proposed: int | None = None
    desired: int | None = None
    autoscaler: Json | None = None


class SyncReader:
    """Finds the syncs of one autoscaler in a log; its workload must have the same name."""

    def __init__(self, namespace: str, name: str) -> None:
        self._namespace = namespace
        self._name = name
        self._awaited: list[str] = []
        self._sync: Sync | None = None

    def read(self, entries: Iterable[Entry]) -> Iterator[Sync]:
        """A sync begins when the scale is read. The last one may be cut off: it is left out."""
        for entry in entries:
            if found := _RESPONSE.match(entry.text):
                self._awaited.append(found["url"])
            elif entry.text.startswith('"Response Body"'):
                if finished := self._read_response(entry):
                    yield finished
            elif self._sync is not None:
                self._read_result(self._sync, entry)

    def _read_response(self, entry: Entry) -> Sync | None:
        """Other requests may respond between a response and its body: the body tells them apart."""
        body = _json(entry.body)
        url = next((url for url in reversed(self._awaited) if _is_body_of(body, url)), None)
        if url is None:
            return None
        self._awaited.remove(url)
        path = urlsplit(url).path
        if f"/namespaces/{self._namespace}/" not in path:
            return None
        finished = None
        if path.endswith(f"/{self._name}/scale"):
            finished, self._sync = self._sync, Sync(body, entry.at)
        elif self._sync is not None and "metrics.k8s.io/" in path:
            self._sync.responses.append((url, body))
            self._sync.at = entry.at
        return finished if finished is not None and finished.desired is not None else None

    def _read_result(self, sync: Sync, entry: Entry) -> None:
        target = f"{self._namespace}/{self._name}"
        if entry.text.startswith('"Request Body"'):
            body = json.loads(entry.body) if "HorizontalPodAutoscaler" in entry.body else {}
            if body.get("metadata", {}).get("name") == self._name:
                sync.autoscaler = body
        if target not in entry.text:
            return
        desired = [int(number) for number in _DESIRED.findall(entry.text)]
        if entry.text.startswith('"Proposing desired replicas"'):
            sync.proposed, sync.at = desired[0], entry.at
        elif entry.text.startswith(('"Decided not to scale"', '"Successfully rescaled"')):
            sync.desired = desired[0]
        elif "failed to compute desired number of replicas" in entry.text:
            sync.desired = sync.scale["spec"].get("replicas", 0)


class PodWatch:
    """The pods as another watch saw them."""

    def __init__(self, lines: Iterable[str], selector: str) -> None:
        labels = dict(one.split("=") for one in selector.split(","))
        self._events = [
            event
            for event in map(json.loads, lines)
            if labels.items() <= event["object"]["metadata"]["labels"].items()
        ]
        self._pods: dict[str, Json] = {}

    def until(self, at: float) -> dict[str, Json]:
        """The pods at a time, which must not go back."""
        while self._events and self._events[0]["at"] <= at:
            event = self._events.pop(0)
            name = event["object"]["metadata"]["name"]
            self._pods.pop(name, None)
            if event["type"] != "DELETED":
                self._pods[name] = _pod(event["object"])
        return dict(self._pods)


def log_entries(lines: Iterable[str], *, year: int) -> Iterator[Entry]:
    """The entries of a log of klog, in UTC; lines that go on belong to the entry before."""
    entry = None
    for line in lines:
        found = _ENTRY.match(line)
        if found is None:
            if entry is not None and line.strip() != ">":
                entry.body += line
            continue
        if entry is not None:
            yield entry
        at = datetime.strptime(f"{year}{found['day']} {found['time']}", "%Y%m%d %H:%M:%S.%f")
        entry = Entry(at.replace(tzinfo=UTC).timestamp(), found["text"])
    if entry is not None:
        yield entry


def recorded(
    entries: Iterable[Entry], pods: Iterable[str], *, namespace: str, name: str
) -> Iterator[Json]:
    """The lines of a recording: the autoscaler and its controller first, then each sync."""
    listed = [*entries]
    flags = [f"{found[1]}={found[2]}" for e in listed if (found := _FLAG.match(e.text))]
    version = next(found["minor"] for e in listed if (found := _VERSION.match(e.text)))
    found = [*SyncReader(namespace, name).read(listed)]
    first = next(sync.autoscaler for sync in found if sync.autoscaler)
    metadata = {"name": name, "namespace": namespace}
    yield {
        "autoscaler": {**first, "metadata": metadata, "status": {}},
        "options": asdict(options_of(flags, minor_version=int(version))),
    }
    watch = PodWatch(pods, found[0].scale["status"]["selector"])
    before: Json = {"pods": {}}
    for sync in found:
        line = _line(sync, watch, first)
        changed_pods = _changes(before["pods"], line["pods"])
        new = {key: value for key, value in line.items() if value != before.get(key)}
        before = line
        yield {**new, "pods": changed_pods} if changed_pods else new


def _line(sync: Sync, watch: PodWatch, autoscaler: Json) -> Json:
    status = (sync.autoscaler or {}).get("status", {})
    result = {
        "proposed": sync.proposed,
        "conditions": {
            one["type"]: [one["status"], one["reason"]] for one in status.get("conditions", ())
        },
        "metrics": status.get("currentMetrics"),
    }
    return {
        "at": round(sync.at, 3),
        "scale": {
            "spec": sync.scale["spec"],
            "status": {"replicas": sync.scale["status"].get("replicas", 0)},
        },
        "metrics": [*_responses(sync, autoscaler)],
        "pods": watch.until(sync.at),
        "desired": sync.desired,
        "result": {key: value for key, value in result.items() if value not in (None, {})},
    }


def _responses(sync: Sync, autoscaler: Json) -> Iterator[Json]:
    """The response to each metric of the autoscaler, in their order."""
    left = [(_plain(url), body) for url, body in sync.responses]
    for metric in autoscaler["spec"]["metrics"]:
        asked = metric_path(
            metric,
            namespace=autoscaler["metadata"]["namespace"],
            pod_selector=sync.scale["status"]["selector"],
            apis=MetricsApis({}),
            api=Cluster(),
        )
        found = next((one for one in left if one[0] == unquote(asked)), None)
        if found is None:
            yield {"kind": "Status", "message": "the controller did not ask"}
            continue
        left.remove(found)
        yield _metrics(found[1])


def _plain(url: str) -> str:
    """Path and query, unquoted: Go quotes otherwise."""
    parts = urlsplit(url)
    return unquote(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _changes(before: Json, after: Json) -> Json:
    gone: Json = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: pod for name, pod in after.items() if before.get(name) != pod}


def _json(body: str) -> Json:
    """A body that is no JSON object is the words of an error."""
    try:
        response: Json = json.loads(body)
    except ValueError:
        return {"kind": "Status", "message": body.strip()}
    return response


def _is_body_of(body: Json, url: str) -> bool:
    """Whether a body can be that of this response."""
    path = urlsplit(url).path
    if path.endswith("/scale"):
        metadata = body.get("metadata") or {}
        own = f"/namespaces/{metadata.get('namespace')}/"
        return body.get("kind") == "Scale" and own in path and f"/{metadata['name']}/scale" in path
    kind = next((kind for group, kind in _KINDS.items() if group in path), None)
    if kind is None or body.get("kind") not in (kind, "Status"):
        return False
    labels = [
        item["metadata"].get("labels", {})
        for item in body.get("items", ())
        if kind == "PodMetricsList"
    ]
    selector = parse_qs(urlsplit(url).query).get("labelSelector", [""])[0]
    wanted = dict(one.split("=") for one in selector.split(",") if "=" in one)
    return all(wanted.items() <= one.items() for one in labels)


def _metrics(response: Json) -> Json:
    if response["kind"] == "Status":
        return {"kind": "Status", "message": response["message"]}
    return {"items": [_metric_item(item) for item in response["items"]]}


def _metric_item(item: Json) -> Json:
    dropped = ("metadata", "metricName", "metricLabels")
    kept = {key: value for key, value in item.items() if key not in dropped}
    return kept | ({"metadata": {"name": item["metadata"]["name"]}} if "metadata" in item else {})


def _pod(pod: Json) -> Json:
    """Only what counts for the autoscaler."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    kept: Json = {
        "metadata": {
            key: metadata[key] for key in ("name", "deletionTimestamp") if key in metadata
        },
        "spec": {"containers": [_container(one) for one in spec["containers"]]},
        "status": {key: status[key] for key in ("phase", "startTime") if key in status},
    }
    kept["status"]["conditions"] = [
        {key: one[key] for key in ("type", "status", "lastTransitionTime")}
        for one in status.get("conditions", ())
        if one["type"] == "Ready"
    ]
    return kept


def _container(container: Json) -> Json:
    requests = container.get("resources", {}).get("requests", {})
    return {"name": container["name"], "resources": {"requests": requests}}


def main() -> None:
    parser = argparse.ArgumentParser(description="Record what kube-controller-manager decided.")
    parser.add_argument("autoscaler", help="NAMESPACE/NAME; its workload has the same name")
    parser.add_argument("--log", type=Path, required=True, help="of kube-controller-manager")
    parser.add_argument("--pods", type=Path, required=True, help="events of a watch")
    arguments = parser.parse_args()
    namespace, name = arguments.autoscaler.split("/")
    with arguments.log.open() as log, arguments.pods.open() as pods:
        entries = log_entries(log, year=datetime.now(UTC).year)
        for line in recorded(entries, pods, namespace=namespace, name=name):
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
