"""Add-ons that the shop needs in the cluster, installed where they are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.cluster.tools import kubectl, output_of, run
from cartwheel.errors import CommandError

ROLLOUT_TIMEOUT = "180s"
LOOK = "look with " + " ".join(kubectl("get", "nodes"))


@dataclass(frozen=True)
class AddOn:
    """``marker`` is an object that exists once it is installed, ``folder`` is what installs it."""

    name: str
    marker: str
    folder: str
    namespace: str
    deployments: Sequence[str]


ADD_ONS = (
    AddOn(
        "metrics-server",
        marker="apiservice/v1beta1.metrics.k8s.io",
        folder="manifests/addons/metrics-server",
        namespace="kube-system",
        deployments=("metrics-server",),
    ),
    AddOn(
        "KEDA",
        marker="crd/scaledobjects.keda.sh",
        folder="manifests/addons/keda",
        namespace="keda",
        deployments=("keda-operator", "keda-metrics-apiserver"),
    ),
)


def install(add_on: AddOn) -> bool:
    """Install it; False if it was there already. Raises `CommandError`."""
    marker = output_of(*kubectl("get", add_on.marker, "--ignore-not-found", "--output", "name"))
    if marker is None:
        raise CommandError(f"The cluster does not say whether {add_on.name} is there: {LOOK}.")
    if marker.strip():
        return False
    # Server-side: KEDA's definitions are too long for the annotation of a client-side apply.
    run(*kubectl("apply", "--server-side", "--kustomize", add_on.folder))
    for deployment in add_on.deployments:
        run(
            *kubectl("rollout", "status", f"deployment/{deployment}"),
            *("--namespace", add_on.namespace, "--timeout", ROLLOUT_TIMEOUT),
        )
    return True
