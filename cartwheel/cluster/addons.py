"""What the cluster needs beside the shop, installed where it is not there yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.cluster.tools import answer, kubectl, run
from cartwheel.errors import CommandError

READY_WITHIN = "180s"
LOOK = "look with " + " ".join(kubectl("get", "nodes"))


@dataclass(frozen=True)
class AddOn:
    """``sign`` is the object that shows it is there, ``folder`` what to apply if not."""

    name: str
    sign: str
    folder: str
    namespace: str
    deployments: Sequence[str]


ADD_ONS = (
    AddOn(
        "metrics-server",
        sign="apiservice/v1beta1.metrics.k8s.io",
        folder="manifests/addons/metrics-server",
        namespace="kube-system",
        deployments=("metrics-server",),
    ),
    AddOn(
        "KEDA",
        sign="crd/scaledobjects.keda.sh",
        folder="manifests/addons/keda",
        namespace="keda",
        deployments=("keda-operator", "keda-metrics-apiserver"),
    ),
)


def install(add_on: AddOn) -> bool:
    """False if it was there already. Raises `CommandError`."""
    sign = answer(*kubectl("get", add_on.sign, "--ignore-not-found", "--output", "name"))
    if sign is None:
        raise CommandError(f"The cluster does not say whether {add_on.name} is there: {LOOK}.")
    if sign.strip():
        return False
    # On the server's side: KEDA's definitions are too long for the annotation of the other way.
    run(*kubectl("apply", "--server-side", "--kustomize", add_on.folder))
    for deployment in add_on.deployments:
        run(
            *kubectl("rollout", "status", f"deployment/{deployment}"),
            *("--namespace", add_on.namespace, "--timeout", READY_WITHIN),
        )
    return True
