"""A network policy takes the storefront's way to the cart."""

import time
from typing import Any

from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import NAME_LABEL, ShopCluster
from cartwheel.chaos.cluster.watch import Watch

SECONDS = 15.0
HEALED_WITHIN = 30.0
MAX_RECOVERY = 10.0


def part_storefront_from_cart(cluster: ShopCluster, watch: Watch, result: Result) -> None:
    """The storefront loses the cart, and tracking keeps it; then the policy is as before."""
    restarts = cluster.restarts()
    with cluster.replaced("networkpolicy", "cart", _without_storefront):
        cluster.wait_until(
            lambda: watch.failed("cart"), "the storefront cannot reach the cart", within=SECONDS
        )
        cluster.pause(SECONDS)
    healed_at = time.monotonic()
    cluster.wait_until(
        lambda: watch.is_settled("cart"), "the cart is served again", within=HEALED_WITHIN
    )
    recovery = watch.back_after("cart", healed_at)
    result.figures |= {
        "outage": round(watch.outage("cart"), 1),
        "recovery": round(recovery, 1),
    }
    failed = watch.failed("home page") + watch.failed("products")
    result.claim(f"{failed} requests for the home page and products failed", failed == 0)
    result.claim(f"the cart was back {recovery:.1f} s after the network", recovery <= MAX_RECOVERY)
    restarted = cluster.restarts() - restarts
    result.claim(f"{restarted} containers were restarted", restarted == 0)


def _without_storefront(policy: Any) -> None:
    for rule in policy["ingress"]:
        rule["from"] = [
            peer
            for peer in rule["from"]
            if peer.get("podSelector", {}).get("matchLabels", {}).get(NAME_LABEL) != "storefront"
        ]
