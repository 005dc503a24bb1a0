"""What must hold for every overlay."""

import kubernetes_validate
import pytest

from tests.manifests.objects import OVERLAYS, ROOT, Overlay, containers_of, pod_of, read

KUBERNETES = "1.35"
# Custom resources have no schema in Kubernetes.
CUSTOM = {"ScaledObject"}
POD_SECURITY = "pod-security.kubernetes.io/enforce"


def test_every_overlay_is_looked_at() -> None:
    folders = {folder.name for folder in (ROOT / "manifests" / "overlays").iterdir()}
    assert folders == {*OVERLAYS, "kind-base"}


def test_every_object_is_one_that_kubernetes_knows(overlay: Overlay) -> None:
    for found in overlay.objects:
        if found["kind"] not in CUSTOM:
            kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_names_are_used_once(overlay: Overlay) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in overlay.objects]
    assert len(names) == len(set(names))


@pytest.mark.fault(84)
def test_everything_is_in_the_restricted_namespace(overlay: Overlay) -> None:
    namespace = overlay.get("Namespace", "cartwheel")
    assert namespace["metadata"]["labels"][POD_SECURITY] == "restricted"
    for found in overlay.objects:
        if found["kind"] != "Namespace":
            assert found["metadata"].get("namespace") == "cartwheel", found["metadata"]["name"]


def test_a_run_of_skaffold_sets_no_number_that_an_autoscaler_chose(overlay: Overlay) -> None:
    scalers = overlay.of_kind("HorizontalPodAutoscaler", "ScaledObject")
    assert len(scalers) == 1, "two autoscalers on one Deployment undo each other"
    (scaled,) = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers}
    assert "replicas" not in overlay.get("Deployment", scaled)["spec"]


def test_what_a_pod_mounts_or_reads_is_there(overlay: Overlay) -> None:
    made = {(x["kind"], x["metadata"]["name"]) for x in overlay.objects}
    for workload in overlay.workloads():
        for kind, name in _needs(pod_of(workload)):
            if overlay.name == "cluster" and kind == "Secret":
                continue  # exists already, and is not ours
            assert (kind, name) in made, f"{workload['metadata']['name']} needs {kind} {name}"


def _needs(pod: dict) -> set[tuple[str, str]]:
    needs = set()
    for volume in pod["spec"].get("volumes", []):
        if "secret" in volume:
            needs.add(("Secret", volume["secret"]["secretName"]))
        if "configMap" in volume:
            needs.add(("ConfigMap", volume["configMap"]["name"]))
    for container in containers_of(pod):
        for source in container.get("envFrom", []):
            needs.add(("ConfigMap", source["configMapRef"]["name"]))
        for variable in container.get("env", []):
            if secret := variable.get("valueFrom", {}).get("secretKeyRef"):
                needs.add(("Secret", secret["name"]))
    return needs


def test_images_are_built_here_or_pinned(overlay: Overlay) -> None:
    skaffold = read("skaffold.yaml")
    ours = {artifact["image"] for artifact in skaffold["build"]["artifacts"]}
    for workload in overlay.workloads():
        for container in containers_of(pod_of(workload)):
            name, _, tag = container["image"].partition(":")
            assert name in ours or (tag and tag != "latest"), container["image"]
            assert container.get("imagePullPolicy") != "Always"


def test_every_image_that_is_built_is_used(rendered: dict[str, Overlay]) -> None:
    artifacts = {artifact["image"] for artifact in read("skaffold.yaml")["build"]["artifacts"]}
    used = {
        container["image"]
        for workload in rendered["kind"].workloads()
        for container in containers_of(pod_of(workload))
    }
    assert artifacts - used == {"cartwheel-base"}


def test_the_profile_dev_builds_what_the_others_build() -> None:
    skaffold = read("skaffold.yaml")
    (dev,) = [profile for profile in skaffold["profiles"] if profile["name"] == "dev"]
    without_sync = [
        {key: value for key, value in artifact.items() if key != "sync"}
        for artifact in dev["build"]["artifacts"]
    ]
    assert without_sync == skaffold["build"]["artifacts"]


@pytest.mark.parametrize("overlay_name", ["kind", "requests", "dev"])
def test_the_ports_of_kind_lead_to_the_shop_and_to_grafana(
    rendered: dict[str, Overlay], overlay_name: str
) -> None:
    (node,) = read("kind.yaml")["nodes"]
    mapped = {port["containerPort"]: port["hostPort"] for port in node["extraPortMappings"]}
    overlay = rendered[overlay_name]
    reached = {
        mapped[port["nodePort"]]: service["metadata"]["name"]
        for service in overlay.of_kind("Service")
        for port in service["spec"]["ports"]
        if "nodePort" in port
    }
    assert reached == {8080: "storefront", 3000: "grafana"}
    assert {port["listenAddress"] for port in node["extraPortMappings"]} == {"127.0.0.1"}
