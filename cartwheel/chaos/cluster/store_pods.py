"""A store's pod is deleted under load, as when its node is lost."""

import time
from functools import partial

from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.watch import Watch

READY_WITHIN = 90.0
MAX_RECOVERY = 10.0
"""Seconds from the store's return until its services serve again."""


def delete_store(
    cluster: ShopCluster, watch: Watch, result: Result, *, store: str, concerned: str, free: str
) -> None:
    """Delete the pod. The ``concerned`` page may fail until the store is back, ``free`` not."""
    (pod,) = cluster.ready_pods(store)
    uid = cluster.uid_of(pod)
    started = time.monotonic()
    cluster.delete_pod(pod)
    cluster.wait_until(
        lambda: cluster.uid_of(pod) != uid and cluster.ready_pods(store),
        f"{store} runs again",
        within=READY_WITHIN,
    )
    ready_at = time.monotonic()
    cluster.wait_until(
        lambda: watch.is_settled(concerned),
        f"{concerned} is served again",
        within=READY_WITHIN,
    )
    recovery = watch.back_after(concerned, ready_at)
    result.figures |= {
        "store away": round(ready_at - started, 1),
        "outage": round(watch.outage(concerned), 1),
        "recovery": round(recovery, 1),
    }
    result.claim(
        f"{concerned}: back {recovery:.1f} s after the store was ready",
        recovery <= MAX_RECOVERY,
    )
    failed = watch.failed(free)
    result.claim(f"{free}: {failed} of the watched requests failed", failed == 0)


delete_valkey = partial(delete_store, store="valkey", concerned="cart", free="home page")
delete_postgres = partial(delete_store, store="postgres", concerned="orders", free="cart")
