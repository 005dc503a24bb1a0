"""Where KEDA is installed: the namespace is a choice of who installs it."""

from collections.abc import Sequence

from cartwheel.doctor.cluster.api_services import API_SERVICES, EXTERNAL, api_service
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import Forbidden

DEFAULT_NAMESPACE = "keda"
# The parts of KEDA, as findings are about them.
OPERATOR, METRICS_SERVER = "KEDA's operator", "KEDA's metrics server"
ADMISSION = "KEDA's admission webhook"
# The findings that explain why nobody acts on a ScaledObject, or reads its metrics.
WITHOUT_OPERATOR = f"keda {OPERATOR}"
WITHOUT_METRICS = (WITHOUT_OPERATOR, f"keda {METRICS_SERVER}")
PART_OF, KEDA = "app.kubernetes.io/part-of", "keda-operator"


def keda_namespace(view: ClusterView) -> str | None:
    """The namespace of KEDA; None if it is not installed. Raises `ClusterError` if not seen."""
    try:
        served = api_service(view, API_SERVICES[EXTERNAL])
    except Forbidden:
        served = None
    if served and "keda" in served.service:
        return served.namespace
    if keda_deployments(view, DEFAULT_NAMESPACE):
        return DEFAULT_NAMESPACE
    path = path_of("apis", "apps", "v1", "deployments", labelSelector=f"{PART_OF}={KEDA}")
    everywhere = (view.find(path) or {}).get("items") or []
    return next((each["metadata"]["namespace"] for each in everywhere), None)


def keda_deployments(view: ClusterView, namespace: str) -> Sequence[Json]:
    """Those of KEDA itself, without its add-ons."""
    return [each for each in view.list("deployments", namespace) if _is_of_keda(each["metadata"])]


def _is_of_keda(metadata: Json) -> bool:
    part_of = (metadata.get("labels") or {}).get(PART_OF)
    return part_of == KEDA or (part_of is None and metadata["name"].startswith("keda-"))
