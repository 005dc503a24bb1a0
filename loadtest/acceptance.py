"""The acceptance test: one shopper places an order, then load makes the cart scale up.

``python -m loadtest.acceptance``; in a cluster `skaffold verify` runs it in a pod of its own.
Exit codes: 0 passed, 1 failed.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from random import Random
from urllib.parse import urlencode

from loadtest.arrivals import Stage
from loadtest.generator import Generator
from loadtest.http_client import HttpClient, InvalidTarget
from loadtest.messages import Request, Response
from loadtest.paths import ORDER
from loadtest.scenarios import checkout
from loadtest.statistics import LoadStatistics

RUNNING_QUERY = 'count(build_info{service="cart"})'
# minReplicas of the autoscaler; no sample without an autoscaler.
MIN_REPLICAS_QUERY = (
    'min(kube_horizontalpodautoscaler_spec_min_replicas{horizontalpodautoscaler="cart"})'
)
# Replicas that received requests in the last seconds, as on the dashboard.
SERVING_QUERY = (
    'count(sum by (instance) (rate(http_requests_received_total{service="cart",'
    'route=~"/v1/.*"}[10s])) > 0)'
)
ORDER_TIMEOUT = 30.0
SCALE_DOWN_TIMEOUT = 100.0
POLL_INTERVAL = 1.0
TIMEOUT = 5.0


class AcceptanceFailed(Exception):
    """The reason, in one line."""


async def place_order(shop: HttpClient) -> Response:
    """Run the checkout scenario up to the first order; every response must be 2xx."""
    shopper = checkout(Random())
    request = next(shopper)
    async with asyncio.timeout(ORDER_TIMEOUT):
        while True:
            response = await shop.send(request)
            if not response.ok:
                raise AcceptanceFailed(_describe_failure(request, response))
            if request.name == ORDER:
                return response
            request = shopper.send(response)


def _describe_failure(request: Request, response: Response) -> str:
    result = f"answered {response.status}" if response.status else "was not answered"
    return f"{request.method} {request.path} {result}"


async def query_count(prometheus: HttpClient, query: str) -> int:
    """The current value of a query; 0 without a sample. Raises `AcceptanceFailed`."""
    path = f"/api/v1/query?{urlencode({'query': query})}"
    request = Request("/api/v1/query", "GET", path)
    response = await prometheus.send(request)
    if not response.ok:
        raise AcceptanceFailed(f"Prometheus: {_describe_failure(request, response)}")
    found = response.json["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


async def wait_until_scaled_down(
    prometheus: HttpClient, *, within: float = SCALE_DOWN_TIMEOUT
) -> int:
    """Wait until the cart has scaled down after earlier load; returns how many replicas run.

    Raises `AcceptanceFailed` if there are none, or if it takes longer than ``within`` seconds.
    """
    minimum = await query_count(prometheus, MIN_REPLICAS_QUERY)
    ends = time.monotonic() + within
    while (running := await query_count(prometheus, RUNNING_QUERY)) > minimum > 0:
        if time.monotonic() > ends:
            raise AcceptanceFailed(
                f"under other load, the cart has {running} replicas and not {minimum}"
            )
        await asyncio.sleep(POLL_INTERVAL)
    if not running:
        raise AcceptanceFailed("Prometheus knows of no replica of the cart")
    return running


async def wait_for_scale_up(
    target: str, prometheus: HttpClient, *, rate: float, within: float
) -> float:
    """Put load on the cart until an additional replica serves; returns after how many seconds.

    Raises `AcceptanceFailed` if that takes longer than ``within`` seconds, or a request fails.
    """
    before = await wait_until_scaled_down(prometheus)
    generator = Generator(target)
    load = asyncio.create_task(generator.run([Stage.constant(rate, seconds=within)]))
    started = time.monotonic()
    try:
        while await query_count(prometheus, SERVING_QUERY) <= before:
            if load.done():
                raise AcceptanceFailed(f"{within:.0f} s of load, and the cart still has {before}")
            await asyncio.sleep(POLL_INTERVAL)
    finally:
        generator.stop()
        await asyncio.wait([load])
    if generator.statistics.failed:
        raise AcceptanceFailed(_failures(generator.statistics))
    return time.monotonic() - started


def _failures(statistics: LoadStatistics) -> str:
    kinds = ", ".join(f"{n} times {kind}" for kind, n in sorted(statistics.failures.items()))
    return f"of {statistics.sent} requests under load {statistics.failed} failed ({kinds})"


async def accept(options: argparse.Namespace) -> None:
    async with HttpClient(options.target, timeout=TIMEOUT) as shop:
        order = await place_order(shop)
    print(f"bought: order {order.json['id']} is {order.json['status']}", flush=True)
    if not options.prometheus:
        return
    async with HttpClient(options.prometheus, timeout=TIMEOUT) as prometheus:
        seconds = await wait_for_scale_up(
            options.target, prometheus, rate=options.rate, within=options.within
        )
    print(f"grown: a new replica of the cart serves after {seconds:.0f} s of load", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.acceptance")
    parser.add_argument("--target", default="http://127.0.0.1:8080", help="the shop")
    parser.add_argument(
        "--prometheus",
        help="URL of Prometheus, which counts replicas; without it scaling is not tested",
    )
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second")
    parser.add_argument(
        "--within", type=float, default=120.0, help="seconds in which the cart must scale up"
    )
    try:
        asyncio.run(accept(parser.parse_args(arguments)))
    except AcceptanceFailed as reason:
        print(f"not all right: {reason}", flush=True)
        return 1
    except TimeoutError:
        print("not all right: a step took too long", flush=True)
        return 1
    except InvalidTarget as error:
        print(f"not all right: {error} is not the URL of a server", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
