"""What must hold for every pod: the restricted Pod Security Standard, and more."""

from collections.abc import Iterator

import pytest

from app.client.transport import LIMITS
from tests.manifests.objects import (
    NODE_CPU,
    NODE_MEMORY,
    SERVICES,
    Object,
    Overlay,
    containers_of,
    pod_of,
    read,
    requested,
)

# Skaffold applies the job of `skaffold verify`, so it is in no overlay.
ACCEPTANCE = "manifests/verify/acceptance.yaml"
NAME = "app.kubernetes.io/name"
ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


@pytest.fixture
def workloads(overlay: Overlay) -> list[Object]:
    return [*overlay.workloads(), read(ACCEPTANCE)]


def _each(workloads: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    for workload in workloads:
        pod = pod_of(workload)
        for container in containers_of(pod):
            yield f"{workload['metadata']['name']}/{container['name']}", pod, container


@pytest.mark.fault(84)
def test_pods_are_restricted(workloads: list[Object]) -> None:
    for workload in workloads:
        name, pod = workload["metadata"]["name"], pod_of(workload)["spec"]
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        for volume in pod.get("volumes", []):
            assert volume.keys() - {"name"} <= ALLOWED_VOLUMES, (name, volume["name"])


@pytest.mark.fault(84)
def test_containers_may_do_nothing_but_their_work(
    workloads: list[Object], overlay: Overlay
) -> None:
    for name, _, container in _each(workloads):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert "privileged" not in context, name
        synced = overlay.name == "dev" and name in {f"{service}/app" for service in SERVICES}
        assert context["readOnlyRootFilesystem"] is not synced, name
        for port in container.get("ports", []):
            assert "hostPort" not in port, name


def test_no_container_gets_service_links_as_variables(workloads: list[Object]) -> None:
    """Service links like `CART_PORT=tcp://…` look like settings of the services."""
    for workload in workloads:
        assert pod_of(workload)["spec"]["enableServiceLinks"] is False


@pytest.mark.fault(84)
def test_only_who_asks_the_api_server_has_a_token(workloads: list[Object]) -> None:
    with_token = {
        workload["metadata"]["name"]
        for workload in workloads
        if pod_of(workload)["spec"].get("automountServiceAccountToken") is not False
    }
    assert with_token <= {"prometheus", "kube-state-metrics"}


def test_every_container_states_its_requests(workloads: list[Object]) -> None:
    for name, _, container in _each(workloads):
        resources = container["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in resources["limits"], name


def test_no_cpu_limit_anywhere(workloads: list[Object]) -> None:
    """Throttling delays the event loop and hides the load that should scale the service."""
    for name, _, container in _each(workloads):
        assert "cpu" not in container["resources"]["limits"], name


@pytest.mark.parametrize("name", ["kind", "requests", "dev"])
def test_all_requests_together_fit_a_laptop(rendered: dict[str, Overlay], name: str) -> None:
    cpu, memory = requested(rendered[name])
    assert (cpu <= NODE_CPU, memory <= NODE_MEMORY) == (True, True), (cpu, memory)


def test_ports_go_by_name(overlay: Overlay) -> None:
    for service in overlay.of_kind("Service"):
        for port in service["spec"]["ports"]:
            assert isinstance(port["targetPort"], str), service["metadata"]["name"]
    for name, _, container in _each(overlay.workloads()):
        for port in container.get("ports", []):
            assert port["name"], name
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            how = container.get(probe, {}).get("httpGet") or container.get(probe, {}).get(
                "tcpSocket"
            )
            assert how is None or isinstance(how["port"], str), name


def test_operations_have_a_port_that_no_caller_reaches(overlay: Overlay) -> None:
    reached = {
        port["targetPort"]
        for service in overlay.of_kind("Service")
        for port in service["spec"]["ports"]
    }
    assert "operations" not in reached
    for ingress in overlay.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"]["port"] == {"name": "http"}
    for policy in overlay.of_kind("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            if {"port": "operations"} in rule.get("ports", []):
                assert rule["from"] == [{"podSelector": {"matchLabels": {NAME: "prometheus"}}}]
                assert rule["ports"] == [{"port": "operations"}]


@pytest.mark.parametrize("service", SERVICES)
def test_probes_and_prometheus_use_the_port_for_operations(overlay: Overlay, service: str) -> None:
    (app,) = pod_of(overlay.get("Deployment", service))["spec"]["containers"]
    (source,) = app["envFrom"]
    config = overlay.get("ConfigMap", source["configMapRef"]["name"])["data"]
    ports = {port["name"]: port["containerPort"] for port in app["ports"]}
    assert ports["operations"] == int(config["CARTWHEEL_OPERATIONS_PORT"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert app[probe]["httpGet"]["port"] == "operations"
    (policy,) = [
        found for found in overlay.of_kind("NetworkPolicy") if found["metadata"]["name"] == service
    ]
    assert [{"port": "operations"}] in [rule["ports"] for rule in policy["spec"]["ingress"]]


def test_prometheus_scrapes_the_port_for_operations_and_no_other() -> None:
    (shop, _) = read("monitoring/prometheus/prometheus.yaml")["scrape_configs"]
    (kept,) = [rule for rule in shop["relabel_configs"] if rule.get("action") == "keep"]
    assert dict(zip(kept["source_labels"], kept["regex"].split(";"), strict=True)) == {
        "__meta_kubernetes_pod_label_app_kubernetes_io_part_of": "cartwheel",
        "__meta_kubernetes_pod_container_port_name": "operations",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_lives_and_stops_in_good_manners(overlay: Overlay, service: str) -> None:
    spec = overlay.get("Deployment", service)["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = spec["template"]["spec"]
    (app,) = pod["containers"]
    assert app["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert app["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # A replica that responds late is busy, not dead.
    readiness = app["readinessProbe"]
    assert readiness["timeoutSeconds"] * readiness["failureThreshold"] >= BUSY_AT_MOST
    assert app["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert app["livenessProbe"]["timeoutSeconds"] >= 5
    # First no new connections, then the drain, then the end of the process.
    sleep = app["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= sleep + MAX_STOP
    assert pod["topologySpreadConstraints"]


# Seconds that a replica may be short of CPU without being removed from the Service.
BUSY_AT_MOST = 15
# The drain of a service, and its longest request.
MAX_STOP = 15


@pytest.mark.parametrize("service", SERVICES)
def test_who_stops_outlives_the_idle_connections_of_its_callers(
    overlay: Overlay, service: str
) -> None:
    pod = pod_of(overlay.get("Deployment", service))
    (source,) = pod["spec"]["containers"][0]["envFrom"]
    config = overlay.get("ConfigMap", source["configMapRef"]["name"])["data"]
    # Connections that were in use have been told to close. On one that is closed while a request
    # is under way, the caller cannot know whether the request was processed.
    assert float(config["CARTWHEEL_DRAIN_WAIT"]) > LIMITS.idle_seconds
