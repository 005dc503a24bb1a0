"""Is this shop all right? One shopper's whole way, then enough load for the cart to grow.

``python -m loadtest.acceptance``; in a cluster `skaffold verify` runs it in a pod of its own.
Exit codes: 0 all right, 1 not.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from random import Random

import httpx2

from loadtest.clients import new_client
from loadtest.generator import Figures, Generator, exchange
from loadtest.scenarios import ORDER, Reply, Request, checkout

RUNNING = 'count(build_info{service="cart"})'
# An autoscaler's lower limit; nobody says one where there is no autoscaler.
LEAST = 'min(kube_horizontalpodautoscaler_spec_min_replicas{horizontalpodautoscaler="cart"})'
# Those of them that really got requests in the last seconds, as the dashboard counts them.
SERVING = (
    'count(sum by (instance) (rate(http_requests_received_total{service="cart",'
    'route=~"/v1/.*"}[10s])) > 0)'
)
JOURNEY_WITHIN = 30.0
REST_WITHIN = 100.0
POLL = 1.0


class NotAllRight(Exception):
    """What is wrong, in one sentence."""


async def buy_something(shop: httpx2.AsyncClient) -> Reply:
    """From an empty hand to an order; every answer on the way must be a good one."""
    shopper = checkout(Random())
    wanted = next(shopper)
    async with asyncio.timeout(JOURNEY_WITHIN):
        while True:
            reply = await exchange(shop, wanted)
            if not reply.ok:
                raise NotAllRight(_complaint(wanted, reply))
            if wanted.name == ORDER:
                return reply
            wanted = shopper.send(reply)


def _complaint(wanted: Request, reply: Reply) -> str:
    said = f"answered {reply.status}" if reply.status else "was not answered"
    return f"{wanted.method} {wanted.path} {said}"


async def count(prometheus: httpx2.AsyncClient, query: str) -> int:
    """The number a query counts now; 0 for none."""
    answer = await prometheus.get("/api/v1/query", params={"query": query})
    answer.raise_for_status()
    found = answer.json()["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


async def at_rest(prometheus: httpx2.AsyncClient, *, within: float = REST_WITHIN) -> int:
    """How many replicas run when the cart is back from any load before.

    Raises `NotAllRight` if there are none, or if it is not back within so many seconds.
    """
    least = await count(prometheus, LEAST)
    ends = time.monotonic() + within
    while (running := await count(prometheus, RUNNING)) > least > 0:
        if time.monotonic() > ends:
            raise NotAllRight(f"under other load, the cart has {running} replicas and not {least}")
        await asyncio.sleep(POLL)
    if not running:
        raise NotAllRight("Prometheus knows of no replica of the cart")
    return running


async def grow(target: str, prometheus: httpx2.AsyncClient, *, rate: float, within: float) -> float:
    """Put load on the cart until more replicas serve than ran before; returns after how long.

    Raises `NotAllRight` if that takes longer than ``within`` seconds, or a request fails.
    """
    before = await at_rest(prometheus)
    generator = Generator(target, rate=rate)
    load = asyncio.create_task(generator.run(within))
    started = time.monotonic()
    try:
        while await count(prometheus, SERVING) <= before:
            if load.done():
                raise NotAllRight(f"{within:.0f} s of load, and the cart still has {before}")
            await asyncio.sleep(POLL)
    finally:
        generator.end()
        await asyncio.wait([load])
    if generator.figures.failed:
        raise NotAllRight(_failures(generator.figures))
    return time.monotonic() - started


def _failures(figures: Figures) -> str:
    kinds = ", ".join(
        f"{number} times {status or 'no answer'}"
        for status, number in sorted(figures.statuses.items())
        if status == 0 or status >= 500
    )
    return f"of {figures.sent} requests under load {figures.failed} failed ({kinds})"


async def accept(options: argparse.Namespace) -> None:
    async with new_client(options.target, timeout=5) as shop:
        order = await buy_something(shop)
    print(f"bought: order {order.json['id']} is {order.json['status']}", flush=True)
    if not options.prometheus:
        return
    async with new_client(options.prometheus, timeout=5) as prometheus:
        seconds = await grow(options.target, prometheus, rate=options.rate, within=options.within)
    print(f"grown: a new replica of the cart serves after {seconds:.0f} s of load", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.acceptance")
    parser.add_argument("--target", default="http://127.0.0.1:8080", help="the shop")
    parser.add_argument("--prometheus", help="who counts replicas; without it none are counted")
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second")
    parser.add_argument("--within", type=float, default=120.0, help="seconds to grow in")
    try:
        asyncio.run(accept(parser.parse_args(arguments)))
    except NotAllRight as problem:
        print(f"not all right: {problem}", flush=True)
        return 1
    except TimeoutError:
        print("not all right: a step took too long", flush=True)
        return 1
    except httpx2.HTTPError as error:
        print(f"not all right: Prometheus does not answer ({error!r})", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
