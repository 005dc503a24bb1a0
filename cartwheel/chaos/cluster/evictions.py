"""A drain evicts every replica of the cart, one after the other."""

from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.watch import Watch

CART = "cart"
READY_WITHIN = 90.0


def evict_the_cart(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    """Cordon each node in turn and evict its replicas of the cart, as `kubectl drain` does."""
    before = set(cluster.ready_pods(CART))
    refused = 0
    for pod in before:
        # Only one node may be closed at a time: the new pod needs a place, also with one node.
        with cluster.cordoned(cluster.node_of(pod)):
            refused += _evict(cluster, pod)
            if cluster.is_single_node:
                # Nothing can start now, so the budget must keep the last one.
                refused += sum(not cluster.evict(last) for last in cluster.ready_pods(CART)[:1])
        cluster.wait_until(
            lambda: len(cluster.ready_pods(CART)) >= len(before),
            f"{len(before)} replicas of the cart are ready again",
            within=READY_WITHIN,
        )
    left = before & set(cluster.ready_pods(CART))
    result.figures |= {"evicted": len(before), "refused by the budget": refused}
    result.claim(f"{len(before)} replicas were evicted and replaced", not left)
    result.claim(f"the disruption budget refused {refused} evictions", refused > 0)
    failed = watch.failed("cart") + watch.failed("home page")
    result.claim(f"{failed} of the watched requests failed", failed == 0)


def _evict(cluster: ShopCluster, pod: str) -> int:
    """Evict it as soon as the budget allows; returns how often that was refused."""
    attempts: list[bool] = []

    def is_evicted() -> bool:
        attempts.append(cluster.evict(pod))
        return attempts[-1]

    cluster.wait_until(is_evicted, f"{pod} is evicted", within=READY_WITHIN)
    return attempts.count(False)
