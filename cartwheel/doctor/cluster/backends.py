"""Why a Service of the cluster has nobody behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.doctor.cluster.pod_problems import problem_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import pods_of
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import Forbidden

# The kubelets of kind and kubeadm sign their own certificates.
SELF_SIGNED = "x509: cannot validate certificate"
INSECURE_TLS = (
    'patch deployment {name} --type json --patch \'[{{"op": "add", "path": '
    '"/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}}]\''
)


@dataclass(frozen=True)
class Cause:
    """Why something does not serve, and what mends it."""

    evidence: str
    command: str


def has_endpoints(view: ClusterView, namespace: str, service: str) -> bool:
    """Whether a ready pod stands behind a Service."""
    return any(
        (endpoint.get("conditions") or {}).get("ready", True)
        for each in view.list("endpointslices", namespace)
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in each.get("endpoints") or []
    )


def why_not_served(view: ClusterView, namespace: str, service: str) -> Cause:
    """Why no pod stands behind a Service, as far as the rights of the person show it."""
    try:
        found = view.named("services", service, namespace)
        if found is None:
            return Cause(
                f"there is no Service {service} in {namespace}",
                view.kubectl("get services", namespace),
            )
        return _why_no_pods(view, namespace, found)
    except Forbidden as error:
        return Cause(
            f"why does not show ({error})",
            view.kubectl("get deployments,pods", namespace),
        )


def _why_no_pods(view: ClusterView, namespace: str, service: Json) -> Cause:
    selector = service["spec"].get("selector") or {}
    deployment = _deployment_behind(view, namespace, selector)
    if deployment is None:
        return Cause(
            f"no Deployment in {namespace} has the labels that Service "
            f"{service['metadata']['name']} selects",
            view.kubectl(f"describe service {service['metadata']['name']}", namespace),
        )
    return why_deployment_is_not_ready(view, deployment, namespace)


def why_deployment_is_not_ready(view: ClusterView, deployment: Json, namespace: str) -> Cause:
    """Why a Deployment has no pod that is ready."""
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("replicas", 1) == 0:
        return Cause(
            f"deployment/{name} in {namespace} is scaled to 0",
            view.kubectl(f"scale deployment {name} --replicas 1", namespace),
        )
    return _why_not_ready(view, namespace, name, pods_of(view, deployment, namespace))


def _why_not_ready(
    view: ClusterView, namespace: str, deployment: str, pods: Sequence[Json]
) -> Cause:
    for pod in pods:
        log = view.tail_of_log(pod["metadata"]["name"], namespace)
        if SELF_SIGNED in log:
            return Cause(
                f"its log says '{SELF_SIGNED} …': the kubelets' certificates are self-signed",
                view.kubectl(INSECURE_TLS.format(name=deployment), namespace),
            )
        if problem := problem_of(view, pod):
            return Cause(
                f"pod {problem.pod} in {namespace} is {problem}",
                view.kubectl(f"describe pod {problem.pod}", namespace),
            )
    return Cause(
        f"deployment/{deployment} in {namespace} has no ready pod",
        view.kubectl(f"logs deployment/{deployment} --tail 20", namespace),
    )


def _deployment_behind(view: ClusterView, namespace: str, selector: dict[str, str]) -> Json | None:
    for deployment in view.list("deployments", namespace):
        labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
        if selector and selector.items() <= labels.items():
            return deployment
    return None
