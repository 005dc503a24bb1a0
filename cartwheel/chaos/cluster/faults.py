"""The faults by name. A run has shoppers, a watch, and one fault that is undone at its end."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cartwheel.books import with_unsettled
from cartwheel.chaos.cluster.evictions import evict_the_cart
from cartwheel.chaos.cluster.isolation import try_forbidden_traffic, try_privileged_pods
from cartwheel.chaos.cluster.lost_metrics import lose_metrics_server, lose_prometheus_at_the_peak
from cartwheel.chaos.cluster.partition import part_storefront_from_cart
from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.store_pods import delete_postgres, delete_valkey
from cartwheel.chaos.cluster.watch import Watch, watching
from cartwheel.chaos.shoppers import SCENARIO, Shoppers
from cartwheel.consistency import check_responses
from cartwheel.local.signals import stop_signals_handled_in_loop
from loadtest.figures import Total
from loadtest.history import Outcome, read_history

RATE = 20.0
PEAK_RATE = 150.0
FIRST_FIGURES = 3.0
"""Seconds until the first shoppers have their carts."""


@dataclass(frozen=True)
class ClusterFault:
    """``rate`` and ``scenario`` are of the load; ``may_fail`` allows some of it to fail."""

    title: str
    run: Callable[[ShopCluster, Watch, Result], None]
    rate: float = RATE
    may_fail: bool = False
    scenario: str = SCENARIO


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
        "Prometheus is gone at the peak",
        lose_prometheus_at_the_peak,
        rate=PEAK_RATE,
        scenario="cart-add",
    ),
    "forbidden-traffic": ClusterFault("A pod connects where it must not", try_forbidden_traffic),
    "privileged-pods": ClusterFault("A pod asks for more rights", try_privileged_pods),
}


async def run_fault(name: str, cluster: ShopCluster) -> Result:
    """Run one fault to its end. Raises `CommandError`."""
    fault, result = FAULTS[name], Result(name)
    with TemporaryDirectory() as folder:
        history = Path(folder) / "history.jsonl"
        shoppers = Shoppers(cluster.url, rate=fault.rate, scenario=fault.scenario, history=history)
        async with watching(cluster.url) as watch, shoppers:
            await asyncio.sleep(FIRST_FIGURES)
            # Ctrl-C ends the fault, and it is undone before anything else happens.
            with stop_signals_handled_in_loop(cluster.stop):
                await asyncio.to_thread(fault.run, cluster, watch, result)
            total = await shoppers.stop()
        report = with_unsettled(check_responses(list(read_history(history))), total.unsettled)
    _add_requests(result, total, may_fail=fault.may_fail)
    result.figures["acknowledged"] = report.operations[Outcome.OK]
    result.claim(report.sentences[-1], report.passed)
    return result


def _add_requests(result: Result, total: Total, *, may_fail: bool) -> None:
    failed = total.failed + total.missed
    result.figures |= {"requests": total.sent, "failed": failed}
    if not may_fail:
        result.claim(f"of {total.sent} requests of the load {failed} failed", not failed)
