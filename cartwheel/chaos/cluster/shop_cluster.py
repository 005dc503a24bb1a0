"""The shop's own cluster, as `make kind` made it: read with its API, changed with kubectl."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

from cartwheel.cluster import ports
from cartwheel.cluster.pending_deletions import NAMESPACE
from cartwheel.cluster.preflight import missing_tools
from cartwheel.cluster.tools import CLUSTER, CONTEXT, PROJECT, kind_clusters, kubectl
from cartwheel.errors import CommandError, UsageError
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.errors import ClusterError

Object = Mapping[str, Any]
TIMEOUT = 60.0
POLL_INTERVAL = 0.25
NAME_LABEL = "app.kubernetes.io/name"
# An eviction that would leave too few pods is refused with 429.
REFUSED_BY_BUDGET = "TooManyRequests"
AUTOSCALERS = {
    "cpu": "manifests/components/autoscaling-cpu/hpa.yaml",
    # KEDA takes over the HPA that is there.
    "requests": "manifests/components/autoscaling-requests/scaledobject.yaml",
}
NO_SHOP = "The shop does not run in the cluster cartwheel: make deploy, then try again."


class Stopped(CommandError):
    """Somebody ended the run."""


class ShopCluster:
    """Only the cluster that `make kind` creates: nothing here touches another one."""

    def __init__(self) -> None:
        """Raises `UsageError` without kind, that cluster, or the shop in it."""
        if missing := [*missing_tools("kind", "kubectl")]:
            raise UsageError(missing[0])
        if CLUSTER not in kind_clusters():
            raise UsageError(f"There is no cluster {CLUSTER}: make kind, then make deploy.")
        self.context = CONTEXT
        self._stop = Event()
        self._api = Cluster(CONTEXT)
        self.url = f"http://127.0.0.1:{ports.current_ports()[ports.SHOP]}"
        if not self.ready_pods("storefront"):
            raise UsageError(NO_SHOP)

    def stop(self) -> None:
        """End the fault that runs: what waits in it raises `Stopped`, and all is undone."""
        self._stop.set()

    def pause(self, seconds: float) -> None:
        """Wait. Raises `Stopped`."""
        if self._stop.wait(seconds):
            raise Stopped("Ended early; the fault is undone.")

    def get(self, path: str) -> Object:
        """An object of the API. Raises `ClusterError`."""
        return self._api.get(path)

    def objects(self, path: str) -> Sequence[Object]:
        """The items of a list. Raises `ClusterError`."""
        items: Sequence[Object] = self.get(path)["items"]
        return items

    @property
    def is_single_node(self) -> bool:
        return len(self.objects("/api/v1/nodes")) == 1

    def node_of(self, pod: str) -> str:
        """The name of the node that it runs on."""
        return str(self._pod(pod)["spec"]["nodeName"])

    def uid_of(self, pod: str) -> str:
        """Differs between two pods of the same name, as those of a StatefulSet."""
        return str(self._pod(pod)["metadata"]["uid"])

    def pods(self, name: str, namespace: str = NAMESPACE) -> Sequence[Object]:
        """The pods of a service or store, without those that are being deleted."""
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={NAME_LABEL}%3D{name}"
        return [one for one in self.objects(path) if "deletionTimestamp" not in one["metadata"]]

    def ready_pods(self, name: str) -> Sequence[str]:
        """The names of its pods that are ready."""
        return [pod["metadata"]["name"] for pod in self.pods(name) if _is_ready(pod)]

    def restarts(self) -> int:
        """How often containers of the shop have been restarted."""
        pods = self.objects(f"/api/v1/namespaces/{NAMESPACE}/pods")
        return sum(
            status["restartCount"]
            for pod in pods
            for status in pod["status"].get("containerStatuses", ())
        )

    def delete_pod(self, name: str) -> None:
        """Delete it at once, as a node that is lost does."""
        self.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")

    def evict(self, name: str) -> bool:
        """Evict a pod as a node drain does; False if the disruption budget refuses it now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": NAMESPACE},
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
        done = self._run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
        if done.returncode and REFUSED_BY_BUDGET in done.stderr:
            return False
        _raise_if_failed(done)
        return True

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """New pods are not placed on the node during the block."""
        self.kubectl("cordon", node)
        try:
            yield
        finally:
            self.kubectl("uncordon", node)

    @contextmanager
    def scaled_to_zero(self, deployment: str, namespace: str = NAMESPACE) -> Iterator[None]:
        """A deployment without pods during the block; afterwards it has as many as before."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        before = self.get(path)["spec"]["replicas"]
        self._scale(deployment, namespace, 0)
        try:
            self.wait_until(lambda: not self.pods(deployment, namespace), f"{deployment} is gone")
            yield
        finally:
            self._scale(deployment, namespace, before)

    @contextmanager
    def replaced(self, kind: str, name: str, change: Callable[[Any], None]) -> Iterator[None]:
        """An object with a changed `spec` during the block."""
        before = json.loads(self.kubectl("get", kind, name, "--output=json"))["spec"]
        changed = json.loads(json.dumps(before))
        change(changed)
        self._replace_spec(kind, name, changed)
        try:
            yield
        finally:
            self._replace_spec(kind, name, before)

    @contextmanager
    def scaled_by(self, metric: str) -> Iterator[None]:
        """The cart scales on `cpu` or `requests` during the block, then as before."""
        scaled_object = self.kubectl("get", "scaledobject", "cart", "--ignore-not-found")
        before = "requests" if scaled_object else "cpu"
        self._scale_by(metric, before)
        try:
            yield
        finally:
            self._scale_by(before, metric)

    def problem_of_dry_run(self, manifest: Object) -> str:
        """Why the API server does not accept an object; empty if it does. Nothing is created."""
        done = self._run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
        return done.stderr.strip() if done.returncode else ""

    def python_in(self, service: str, program: str) -> str:
        """Run a short Python program in a pod of a service; returns what it prints."""
        pod = self.ready_pods(service)[0]
        return self.kubectl("exec", pod, "--", "python", "-c", program)

    def wait_until(
        self, condition: Callable[[], object], what: str, *, within: float = TIMEOUT
    ) -> float:
        """Wait; returns after how many seconds. Raises `CommandError` if it takes too long."""
        started = time.monotonic()
        while True:
            try:
                if condition():
                    return time.monotonic() - started
            except ClusterError:
                pass  # an API server that is busy for a moment
            if time.monotonic() - started > within:
                raise CommandError(f"Not within {within:g} s: {what}.")
            self.pause(POLL_INTERVAL)

    def kubectl(self, *arguments: str) -> str:
        """The output of kubectl in the shop's namespace. Raises `CommandError`."""
        done = self._run(*arguments)
        _raise_if_failed(done)
        return done.stdout

    def _pod(self, name: str) -> Object:
        return self.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

    def _scale(self, deployment: str, namespace: str, count: int) -> None:
        self.kubectl(
            *("scale", f"deployment/{deployment}", f"--replicas={count}"),
            *("--namespace", namespace),
        )

    def _scale_by(self, metric: str, before: str) -> None:
        if metric == before:
            return
        if before == "requests":
            # KEDA deletes its HPA with it.
            self.kubectl("delete", "scaledobject", "cart", "--wait=true")
        self.kubectl("apply", "--filename", AUTOSCALERS[metric])

    def _replace_spec(self, kind: str, name: str, spec: Object) -> None:
        patch = json.dumps([{"op": "replace", "path": "/spec", "value": spec}])
        self.kubectl("patch", kind, name, "--type=json", f"--patch={patch}")

    def _run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        namespace = () if "--namespace" in arguments else ("--namespace", NAMESPACE)
        return subprocess.run(
            # Before the arguments: what follows `--` belongs to the program in the pod.
            [*kubectl(*namespace), *arguments],
            cwd=PROJECT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _raise_if_failed(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise CommandError(f"kubectl did not succeed: {lines[-1]}")
