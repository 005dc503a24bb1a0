"""Both autoscalers have the same policy, and the dashboards draw their targets."""

import yaml

from monitoring.dashboards.autoscaling_targets import read_targets
from tests.manifests.objects import Object, Overlay, millicores, read

BACK_WITHIN = 90


def _hpa(rendered: dict[str, Overlay]) -> Object:
    spec: Object = rendered["kind"].get("HorizontalPodAutoscaler", "cart")["spec"]
    return spec


def _scaled_object(rendered: dict[str, Overlay]) -> Object:
    spec: Object = rendered["requests"].get("ScaledObject", "cart")["spec"]
    return spec


def test_both_grow_the_cart_from_2_to_7(rendered: dict[str, Overlay]) -> None:
    hpa, scaled = _hpa(rendered), _scaled_object(rendered)
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (2, 7)
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 7)
    assert scaled["scaleTargetRef"]["name"] == hpa["scaleTargetRef"]["name"] == "cart"


def test_both_behave_alike(rendered: dict[str, Overlay]) -> None:
    advanced = _scaled_object(rendered)["advanced"]["horizontalPodAutoscalerConfig"]
    assert advanced["behavior"] == _hpa(rendered)["behavior"]
    assert advanced["name"] == "cart", "KEDA takes over the autoscaler of that name"


def test_they_reach_the_maximum_in_one_step_and_come_back_in_time(
    rendered: dict[str, Overlay],
) -> None:
    hpa = _hpa(rendered)
    way = hpa["maxReplicas"] - hpa["minReplicas"]
    (up,) = hpa["behavior"]["scaleUp"]["policies"]
    assert up["type"] == "Pods"
    assert up["value"] >= way
    down = hpa["behavior"]["scaleDown"]
    (policy,) = down["policies"]
    periods = -(-way // policy["value"]) - 1
    assert down["stabilizationWindowSeconds"] + periods * policy["periodSeconds"] < BACK_WITHIN


def test_without_a_metric_no_replica_is_removed(rendered: dict[str, Overlay]) -> None:
    scaled = _scaled_object(rendered)
    fallback = scaled["fallback"]
    assert fallback["behavior"] == "currentReplicasIfHigher"
    assert scaled["minReplicaCount"] <= fallback["replicas"] <= scaled["maxReplicaCount"]
    # An empty result must be an error, not a load of 0.
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_a_rollout_keeps_all_replicas_and_adds_one_at_most(rendered: dict[str, Overlay]) -> None:
    scaled = _scaled_object(rendered)
    target = int(scaled["triggers"][0]["metadata"]["threshold"])
    rolling = rendered["requests"].get("Deployment", "cart")["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxUnavailable"] == 0
    for replicas in range(scaled["minReplicaCount"], scaled["maxReplicaCount"] + 1):
        for load in range(target * (replicas - 1) + 1, target * replicas * 110 // 100 + 1):
            assert _desired(load, target, counted=replicas, current=replicas) == replicas
            counted = replicas + rolling["maxSurge"]
            during = _desired(load, target, counted=counted, current=replicas)
            assert replicas <= during <= replicas + 1, load


def _desired(load: int, target: int, *, counted: int, current: int) -> int:
    """The HPA's formula for an average value: within 10 % of the target nothing changes.

    ``counted`` are the replicas that run, a rollout's surge included.
    """
    share = load * 100 // (target * counted)
    return current if 90 <= share <= 110 else -(-load // target)


def test_cpu_is_that_of_the_app_and_not_of_a_sidecar(rendered: dict[str, Overlay]) -> None:
    (metric,) = _hpa(rendered)["metrics"]
    assert metric["type"] == "ContainerResource"
    assert metric["containerResource"]["container"] == "app"
    assert metric["containerResource"]["name"] == "cpu"


def test_the_dev_overlay_does_not_scale(rendered: dict[str, Overlay]) -> None:
    hpa = rendered["dev"].get("HorizontalPodAutoscaler", "cart")["spec"]
    assert hpa["minReplicas"] == hpa["maxReplicas"]


def test_keda_finds_prometheus_from_its_own_namespace(rendered: dict[str, Overlay]) -> None:
    (trigger,) = _scaled_object(rendered)["triggers"]
    service = rendered["requests"].get("Service", "prometheus")
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    (port,) = service["spec"]["ports"]
    address = f"http://{name}.{namespace}.svc:{port['port']}"
    assert trigger["metadata"]["serverAddress"] == address


def test_dashboards_draw_the_targets_of_the_manifests(rendered: dict[str, Overlay]) -> None:
    targets = read_targets()
    (metric,) = _hpa(rendered)["metrics"]
    utilization = metric["containerResource"]["target"]["averageUtilization"]
    assert utilization == targets.cpu_utilization * 100
    (app,) = rendered["kind"].get("Deployment", "cart")["spec"]["template"]["spec"]["containers"]
    request = millicores(app["resources"]["requests"]["cpu"])
    assert request == targets.cpu_request * 1000
    scaled = _scaled_object(rendered)
    hpa_name = scaled["advanced"]["horizontalPodAutoscalerConfig"]["name"]
    assert hpa_name == rendered["kind"].get("HorizontalPodAutoscaler", "cart")["metadata"]["name"]
    (trigger,) = scaled["triggers"]
    assert trigger["metricType"] == "AverageValue"
    assert float(trigger["metadata"]["threshold"]) == targets.requests_per_replica


def test_the_metrics_server_installed_can_start() -> None:
    (patch,) = read("manifests/addons/metrics-server/kustomization.yaml")["patches"]
    flags = dict(
        operation["value"].removeprefix("--").partition("=")[::2]
        for operation in yaml.safe_load(patch["patch"])
    )
    resolution = float(flags["metric-resolution"].removesuffix("s"))
    kubelet_timeout = float(flags["kubelet-request-timeout"].removesuffix("s"))
    # Rules of metrics-server: `metrics-server --help`, and options.go of its release.
    assert resolution >= 10
    assert kubelet_timeout <= resolution * 9 / 10
