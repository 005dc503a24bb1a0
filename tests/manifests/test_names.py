"""One name everywhere: folder, image, Deployment, Service, label, and service in the metrics."""

import importlib
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.manifests.objects import ROOT, SERVICES, Overlay, pod_of, read
from tests.support.asgi import running

NAME = "app.kubernetes.io/name"


def test_there_is_a_folder_for_each_service_and_no_other() -> None:
    folders = {file.parent.name for file in (ROOT / "services").glob("*/Dockerfile")}
    assert folders == set(SERVICES)
    assert {file.parent.name for file in (ROOT / "manifests" / "base").glob("*/service.yaml")} == (
        folders
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_one_name(overlay: Overlay, service: str) -> None:
    deployment = overlay.get("Deployment", service)
    pod = pod_of(deployment)
    assert deployment["metadata"]["labels"][NAME] == service
    assert deployment["spec"]["selector"]["matchLabels"] == {NAME: service}
    assert pod["metadata"]["labels"][NAME] == service
    assert {container["name"] for container in pod["spec"]["containers"]} == {"app"}
    assert pod["spec"]["containers"][0]["image"] == service
    assert overlay.get("Service", service)["spec"]["selector"] == {NAME: service}


@pytest.mark.parametrize("service", SERVICES)
def test_its_image_holds_its_own_folder(service: str) -> None:
    text = (ROOT / "services" / service / "Dockerfile").read_text()
    assert f"COPY --chown=10001:10001 services/{service} services/{service}" in text
    assert f'CMD ["services.{service}.main:create"]' in text
    (artifact,) = [
        artifact
        for artifact in read("skaffold.yaml")["build"]["artifacts"]
        if artifact["image"] == service
    ]
    assert artifact["docker"]["dockerfile"] == f"services/{service}/Dockerfile"


@pytest.mark.parametrize(
    "artifact",
    [a for a in read("skaffold.yaml")["build"]["artifacts"] if "requires" in a],
    ids=itemgetter("image"),
)
def test_its_base_has_no_default_name(artifact: dict[str, Any]) -> None:
    # Skaffold would look up a default in a registry before it has built the base.
    text = (ROOT / artifact["docker"]["dockerfile"]).read_text()
    assert artifact["requires"] == [{"image": "cartwheel-base", "alias": "BASE"}]
    assert text.startswith("ARG BASE\nFROM ${BASE}\n")


@pytest.mark.parametrize("service", SERVICES)
async def test_its_metrics_say_the_same_name(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = tmp_path_factory.mktemp(service) / "store.sqlite3"
    monkeypatch.setenv("CARTWHEEL_STORE_URL", f"sqlite:///{store}")
    monkeypatch.setenv("CARTWHEEL_SERVICE_TOKENS", "a-token-of-a-test-that-is-long-enough")
    app = importlib.import_module(f"services.{service}.main").create()
    async with running(app) as client:
        exposition = (await client.get("/metrics")).text
    named = {
        sample.labels["service"]
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }
    assert named == {service}


def test_neighbours_are_called_by_services_that_exist(overlay: Overlay) -> None:
    for config in overlay.of_kind("ConfigMap"):
        urls = [urlsplit(value) for key, value in config["data"].items() if key.endswith("_URL")]
        for url in urls:
            if url.scheme not in ("http", "dns+http"):
                continue
            service = overlay.get("Service", str(url.hostname))["spec"]
            assert url.port in {port["port"] for port in service["ports"]}, config["metadata"]
            # Only the name of a headless Service resolves to the addresses of all replicas.
            is_headless = service.get("clusterIP") == "None"
            assert is_headless == (url.scheme == "dns+http"), config["metadata"]


@pytest.mark.fault(83)
def test_network_policies_name_pods_that_exist(overlay: Overlay) -> None:
    labels = [pod_of(workload)["metadata"]["labels"] for workload in overlay.workloads()]
    names = {found[NAME] for found in labels}
    if overlay.name == "cluster":
        # The stores and the monitoring are outside that overlay.
        names |= {"valkey", "postgres", "prometheus", "grafana", "kube-state-metrics"}
    for policy in overlay.of_kind("NetworkPolicy"):
        for selector in _pod_selectors(policy["spec"]):
            assert selector.get("matchLabels", {}).get(NAME) in {None, *names}, policy["metadata"]


@pytest.mark.fault(83)
def test_every_pod_has_a_network_policy_of_its_own(overlay: Overlay) -> None:
    for workload in overlay.workloads():
        labels = pod_of(workload)["metadata"]["labels"].items()
        selecting = [
            policy["metadata"]["name"]
            for policy in overlay.of_kind("NetworkPolicy")
            if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels
            and policy["spec"]["podSelector"].get("matchLabels")
        ]
        assert selecting, f"{workload['metadata']['name']} has no network access"


def _pod_selectors(spec: dict) -> list[dict]:
    peers = [
        peer
        for direction, key in (("ingress", "from"), ("egress", "to"))
        for rule in spec.get(direction, [])
        for peer in rule.get(key, [])
    ]
    return [spec["podSelector"], *(peer.get("podSelector", {}) for peer in peers)]
