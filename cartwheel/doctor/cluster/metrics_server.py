"""metrics-server: the CPU and memory of pods."""

from collections.abc import Iterator, Sequence

from cartwheel.cluster.tools import CONTEXT as OWN_CONTEXT
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.api_services import ApiService, is_served, not_available
from cartwheel.doctor.cluster.spans import format_span
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import autoscalers, name_of, resource_metrics
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import NotFound, Unavailable

GROUP = "metrics.k8s.io"
API_SERVICE = "v1beta1.metrics.k8s.io"
# Longer than the window of a sample and the usual resolution together.
MAX_AGE = 120.0  # seconds
# A container needs two samples before it has a rate.
MIN_RUNTIME = 60.0
INSTALL = (
    "apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/"
    "components.yaml"
)


def examine(view: ClusterView) -> Iterator[Outcome]:
    users = [name_of(each) for each in autoscalers(view) if any(resource_metrics(each))]
    severity = Severity.PROBLEM if users else Severity.RISK
    served = is_served(view, GROUP, API_SERVICE)
    if not served:
        if users:
            yield _missing(view, users)
        else:
            yield Healthy("no metrics-server, and no autoscaler that needs it")
        return
    if isinstance(served, ApiService) and not served.available:
        yield from not_available(view, served, severity, about="metrics-server")
        return
    yield from _samples(view, severity)


def _missing(view: ClusterView, users: list[str]) -> Finding:
    return Finding(
        about="metrics-server",
        problem=f"it is not installed, and {', '.join(users)} scales on CPU or memory",
        evidence=f"the API has no group {GROUP}",
        command=_install(view),
    )


def _install(view: ClusterView) -> str:
    # Only who has our cluster has a clone with our manifests.
    own = view.context == OWN_CONTEXT
    folder = "manifests/addons/metrics-server"
    return view.kubectl(f"apply --server-side -k {folder}" if own else INSTALL, "")


def _samples(view: ClusterView, severity: Severity) -> Iterator[Outcome]:
    path = path_of("apis", GROUP, "v1beta1", "namespaces", view.namespace, "pods")
    try:
        samples = view.get(path)["items"]
    except (NotFound, Unavailable) as error:
        yield Finding(
            about="metrics-server",
            problem="it does not respond",
            evidence=f"{path}: {str(error).rstrip('.')}",
            command=view.kubectl("get apiservice v1beta1.metrics.k8s.io", ""),
            severity=severity,
        )
        return
    problem, evidence = _problem_of(view, samples)
    if problem:
        yield Finding(
            about="metrics-server",
            problem=problem,
            evidence=evidence,
            command=view.kubectl("logs deployment/metrics-server --tail 20", "kube-system"),
            severity=severity,
        )
    elif not samples:
        yield Healthy("metrics-server responds")
    else:
        of_pods, age = count(len(samples), "pod"), format_span(_age_of_newest(view, samples))
        yield Healthy(f"metrics-server has samples of {of_pods}, the newest {age} old")


def _problem_of(view: ClusterView, samples: Sequence[Json]) -> tuple[str, str]:
    """What is wrong with the samples, and how that shows; empty if nothing is."""
    age = _age_of_newest(view, samples) if samples else 0.0
    if age > MAX_AGE:
        return (
            f"its newest sample is {format_span(age)} old",
            "the timestamps of its samples, compared with this machine's clock",
        )
    seen = {sample["metadata"]["name"] for sample in samples}
    missing = [name for name in _settled_pods(view) if name not in seen]
    if missing:
        running = "it runs" if len(missing) == 1 else "they run"
        return (
            f"it has no sample of {', '.join(missing)}",
            f"{running} for more than {format_span(MIN_RUNTIME)}",
        )
    return "", ""


def _age_of_newest(view: ClusterView, samples: Sequence[Json]) -> float:
    return min(view.seconds_since(sample["timestamp"]) for sample in samples)


def _settled_pods(view: ClusterView) -> Iterator[str]:
    for pod in view.list("pods"):
        if _is_settled(view, pod):
            yield pod["metadata"]["name"]


def _is_settled(view: ClusterView, pod: Json) -> bool:
    started = [
        ((each.get("state") or {}).get("running") or {}).get("startedAt")
        for each in pod["status"].get("containerStatuses") or []
    ]
    return (
        bool(started)
        and all(started)
        and min(view.seconds_since(each) for each in started if each) > MIN_RUNTIME
        and "deletionTimestamp" not in pod["metadata"]
    )


CHECK = Check(
    "metrics-server", "whether metrics-server serves, and how old its samples are", examine
)
