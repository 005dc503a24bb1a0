"""Load from this machine: ``python -m loadtest --scenario cart-add --rate 50 --seconds 60``.

Exit codes: 0 every request got a response, 1 some failed, 2 wrong usage or no shop at the target.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

from loadtest.generator import MAX_RATE, MAX_SHOPPERS, TIMEOUT, Generator, LoadStatistics
from loadtest.http_client import InvalidUrl, TransportError, new_client
from loadtest.scenarios import SCENARIOS, Request

LIMITS = {"rate": MAX_RATE, "seconds": 3600.0, "shoppers": MAX_SHOPPERS}
CHECK_TIMEOUT = 3.0


class RouteStatistics:
    """Statistics by route, for the table at the end."""

    def __init__(self) -> None:
        self._routes: defaultdict[str, LoadStatistics] = defaultdict(LoadStatistics)

    def record(self, request: Request, status: int, seconds: float) -> None:
        route = self._routes[f"{request.method} {request.name}"]
        route.sent += 1
        route.record_response(status, seconds)

    def table(self, total: LoadStatistics) -> str:
        rows = [*sorted(self._routes.items()), ("together", total)]
        width = max(len(name) for name, _ in rows)
        heading = (
            f"{'':<{width}}  {'requests':>8}  {'failed':>6}  {'p50':>8}  {'p95':>8}  {'p99':>8}"
        )
        return "\n".join([heading, *(f"{name:<{width}}  {_row(row)}" for name, row in rows)])


def _row(statistics: LoadStatistics) -> str:
    times = "  ".join(f"{_duration(statistics.quantile(q)):>8}" for q in (0.5, 0.95, 0.99))
    return f"{statistics.sent:>8}  {statistics.failed:>6}  {times}"


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest", description="Put load on the shop, at a rate and for a time."
    )
    target = os.environ.get("CARTWHEEL_LOAD_TARGET") or "http://127.0.0.1:8080"
    parser.add_argument("--target", default=target, help="the shop (%(default)s)")
    parser.add_argument("--scenario", default="cart-add", choices=sorted(SCENARIOS))
    parser.add_argument("--rate", default=50.0, type=float, help="requests a second (%(default)s)")
    parser.add_argument("--seconds", default=60.0, type=float, help="and then stop (%(default)s)")
    parser.add_argument("--shoppers", default=64, type=int, help="at most at once (%(default)s)")
    options = parser.parse_args(arguments)
    for name, maximum in LIMITS.items():
        if not 0 < getattr(options, name) <= maximum:
            parser.error(f"--{name} must be more than 0 and at most {maximum:g}")
    return options


async def check_target(target: str) -> str | None:
    """The problem with the target, in one line; None if the shop responds there."""
    try:
        async with new_client(target, timeout=CHECK_TIMEOUT) as client:
            response = await client.get("/healthz")
    except (TransportError, InvalidUrl, ValueError):
        return (
            f"Nothing answers at {target}: start the shop (make up, or make kind and skaffold "
            "run), or say where it is with --target."
        )
    if response.status_code != 200:
        return (
            f"What answers at {target} is not the shop (/healthz answered {response.status_code})."
        )
    return None


async def run(options: argparse.Namespace) -> tuple[LoadStatistics, RouteStatistics]:
    """Run the load; on a terminal, print a line each second."""
    routes = RouteStatistics()
    generator = Generator(
        options.target,
        scenario=options.scenario,
        rate=options.rate,
        shoppers=options.shoppers,
        on_response=routes.record,
    )
    progress = asyncio.create_task(_print_progress(generator.statistics))
    try:
        return await generator.run(options.seconds), routes
    finally:
        progress.cancel()


async def _print_progress(statistics: LoadStatistics) -> None:
    if not sys.stdout.isatty():
        return
    started, before = time.monotonic(), 0
    while True:
        await asyncio.sleep(1)
        seconds = time.monotonic() - started
        print(
            f"{seconds:4.0f} s  {statistics.sent - before:5} requests/s  "
            f"p95 {_duration(statistics.quantile(0.95))}  "
            f"{statistics.failed} failed  {statistics.missed} missed"
        )
        before = statistics.sent


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if problem := asyncio.run(check_target(options.target)):
        print(problem, file=sys.stderr)
        return 2
    print(
        f"{options.rate:g} requests a second for {options.seconds:g} s to {options.target}: "
        f"{options.scenario}, at most {options.shoppers} shoppers",
        flush=True,
    )
    try:
        total, routes = asyncio.run(run(options))
    except KeyboardInterrupt:
        return 130
    print(routes.table(total))
    if total.missed:
        print(
            f"{total.missed} requests were due and not sent: all {options.shoppers} shoppers "
            f"waited, or this machine was too busy. They count as {TIMEOUT:.0f} s."
        )
    return 1 if total.failed or total.missed else 0


if __name__ == "__main__":
    sys.exit(main())
