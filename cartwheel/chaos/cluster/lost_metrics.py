"""The autoscaler of the cart loses its metric: metrics-server, or Prometheus at the peak."""

import time

from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.watch import Watch
from cartwheel.cluster.pending_deletions import NAMESPACE
from cartwheel.doctor.check import examine
from cartwheel.doctor.cluster import CHECKS
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes.cluster import Cluster

HPA = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/cart"
SCALED_OBJECT = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/cart"
NOTICED_WITHIN = 90.0
BACK_WITHIN = 120.0
AWAY = 45.0
"""Seconds; longer than the three failed readings after which KEDA falls back."""
PEAK = 4
PEAK_WITHIN = 90.0


def lose_metrics_server(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    """The HPA by CPU has no value; it must keep the replicas, and the doctor must say why."""
    with cluster.scaled_by("cpu"):
        _lose_metrics_server(cluster, watch, result)


def _lose_metrics_server(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    cluster.wait_until(
        lambda: _condition(cluster, "ScalingActive") == "True",
        "the HPA has its metric",
        within=BACK_WITHIN,
    )
    replicas = _replicas(cluster)
    with cluster.scaled_to_zero("metrics-server", "kube-system"):
        noticed = cluster.wait_until(
            lambda: _condition(cluster, "ScalingActive") == "False",
            "the HPA reports that it has no metric",
            within=NOTICED_WITHIN,
        )
        cluster.pause(AWAY)
        kept = _replicas(cluster)
        first = _first_finding(cluster)
    back = cluster.wait_until(
        lambda: _condition(cluster, "ScalingActive") == "True",
        "the HPA has its metric again",
        within=BACK_WITHIN,
    )
    result.figures |= {"noticed": round(noticed, 1), "back": round(back, 1)}
    result.claim(f"the cart kept {kept} of {replicas} replicas", kept == replicas)
    result.claim(f"the doctor's first finding: {first}", "metrics-server" in first)
    result.claim(f"the HPA was active again after {back:.0f} s", True)
    result.claim(f"{watch.failed('cart')} requests to the cart failed", watch.failed("cart") == 0)


def lose_prometheus_at_the_peak(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    """The ScaledObject by requests falls back; it must not scale down."""
    with cluster.scaled_by("requests"):
        _lose_prometheus_at_the_peak(cluster, watch, result)


def _lose_prometheus_at_the_peak(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    cluster.wait_until(
        lambda: len(cluster.ready_pods("cart")) >= PEAK,
        f"the load brings {PEAK} replicas of the cart",
        within=PEAK_WITHIN,
    )
    peak = _replicas(cluster)
    fewest = peak
    with cluster.scaled_to_zero("prometheus"):
        ends = time.monotonic() + AWAY
        while time.monotonic() < ends:
            fewest = min(fewest, _replicas(cluster))
            cluster.pause(1.0)
        fallback = _status_of(cluster.get(SCALED_OBJECT), "Fallback")
    back = cluster.wait_until(
        lambda: _status_of(cluster.get(SCALED_OBJECT), "Fallback") == "False",
        "KEDA reads Prometheus again",
        within=BACK_WITHIN,
    )
    result.figures |= {"peak": peak, "fewest": fewest, "back": round(back, 1)}
    result.claim(f"of {peak} replicas at the peak never fewer than {fewest}", fewest >= peak)
    result.claim(f"KEDA's condition Fallback was {fallback}", fallback == "True")
    result.claim(f"KEDA read the metric again after {back:.0f} s", True)
    result.claim(f"{watch.failed('cart')} requests to the cart failed", watch.failed("cart") == 0)


def _replicas(cluster: ShopCluster) -> int:
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/cart"
    return int(cluster.get(path)["spec"]["replicas"])


def _condition(cluster: ShopCluster, kind: str) -> str:
    return _status_of(cluster.get(HPA), kind)


def _status_of(found: object, kind: str) -> str:
    conditions = found["status"].get("conditions", ())  # type: ignore[index]
    return next((one["status"] for one in conditions if one["type"] == kind), "")


def _first_finding(cluster: ShopCluster) -> str:
    """What `cartwheel doctor cluster` says first."""
    view = ClusterView(Cluster(cluster.context), NAMESPACE, context=cluster.context)
    for examination in examine(CHECKS, view):
        for finding in examination.findings:
            return f"{finding.about}: {finding.problem}"
    return "nothing"
