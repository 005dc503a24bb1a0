"""The faults by name. A run has shoppers, a watch, and one fault that is undone at its end."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cartwheel.chaos.cluster.evictions import evict_the_cart
from cartwheel.chaos.cluster.isolation import try_forbidden_traffic, try_privileged_pods
from cartwheel.chaos.cluster.load import shoppers
from cartwheel.chaos.cluster.lost_metrics import lose_metrics_server, lose_prometheus_at_the_peak
from cartwheel.chaos.cluster.partition import part_storefront_from_cart
from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.store_pods import delete_postgres, delete_valkey
from cartwheel.chaos.cluster.watch import Watch, watching

RATE = 20.0
PEAK_RATE = 150.0


@dataclass(frozen=True)
class ClusterFault:
    """``rate`` is the load in requests a second; ``may_fail`` allows some of it to fail."""

    title: str
    run: Callable[[ShopCluster, Watch, Result], None]
    rate: float = RATE
    may_fail: bool = False


FAULTS: Mapping[str, ClusterFault] = {
    "drain": ClusterFault("A drain evicts every replica of the cart", evict_the_cart),
    "valkey-pod-lost": ClusterFault("The pod of Valkey is lost", delete_valkey, may_fail=True),
    "postgres-pod-lost": ClusterFault(
        "The pod of Postgres is lost", delete_postgres, may_fail=True
    ),
    "partition": ClusterFault(
        "The storefront cannot reach the cart", part_storefront_from_cart, may_fail=True
    ),
    "metrics-server-gone": ClusterFault("metrics-server is gone", lose_metrics_server),
    "prometheus-gone": ClusterFault(
        "Prometheus is gone at the peak", lose_prometheus_at_the_peak, rate=PEAK_RATE
    ),
    "forbidden-traffic": ClusterFault("A pod connects where it must not", try_forbidden_traffic),
    "privileged-pods": ClusterFault("A pod asks for more rights", try_privileged_pods),
}


async def run_fault(name: str, cluster: ShopCluster) -> Result:
    """Run one fault to its end. Raises `CommandError`."""
    fault, result = FAULTS[name], Result(name)
    async with watching(cluster.url) as watch, shoppers(cluster.url, rate=fault.rate) as load:
        await asyncio.to_thread(fault.run, cluster, watch, result)
    result.figures |= {"requests": load.sent, "failed": load.failed}
    if not fault.may_fail:
        result.claim(f"of {load.sent} requests of the load {load.failed} failed", not load.failed)
    return result
