"""Load from this machine: ``python -m loadtest --scenario cart-add --rate 50 --seconds 60``.

Exit codes: 0 every request was answered, 1 some failed, 2 wrong usage or nobody to talk to.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import httpx2

from loadtest.clients import new_client
from loadtest.generator import MAX_RATE, MAX_SHOPPERS, TIMEOUT, Figures, Generator
from loadtest.scenarios import SCENARIOS, Request

LIMITS = {"rate": MAX_RATE, "seconds": 3600.0, "shoppers": MAX_SHOPPERS}
FIND_WITHIN = 3.0


class Report:
    """Figures by route, for the table at the end."""

    def __init__(self) -> None:
        self._routes: defaultdict[str, Figures] = defaultdict(Figures)

    def __call__(self, request: Request, status: int, seconds: float) -> None:
        figures = self._routes[f"{request.method} {request.name}"]
        figures.sent += 1
        figures.count(status, seconds)

    def table(self, total: Figures) -> str:
        rows = [*sorted(self._routes.items()), ("together", total)]
        width = max(len(name) for name, _ in rows)
        heading = (
            f"{'':<{width}}  {'requests':>8}  {'failed':>6}  {'p50':>8}  {'p95':>8}  {'p99':>8}"
        )
        return "\n".join([heading, *(f"{name:<{width}}  {_row(row)}" for name, row in rows)])


def _row(figures: Figures) -> str:
    times = "  ".join(f"{_duration(figures.quantile(q)):>8}" for q in (0.5, 0.95, 0.99))
    return f"{figures.sent:>8}  {figures.failed:>6}  {times}"


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
    for name, most in LIMITS.items():
        if not 0 < getattr(options, name) <= most:
            parser.error(f"--{name} must be more than 0 and at most {most:g}")
    return options


async def find(target: str) -> str | None:
    """What is wrong with the target, in one sentence; None if the shop answers there."""
    try:
        async with new_client(target, timeout=FIND_WITHIN) as client:
            answer = await client.get("/healthz")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        return (
            f"Nothing answers at {target}: start the shop (make up, or make kind and skaffold "
            "run), or say where it is with --target."
        )
    if answer.status_code != 200:
        return f"What answers at {target} is not the shop (/healthz said {answer.status_code})."
    return None


async def run(options: argparse.Namespace) -> tuple[Figures, Report]:
    """The load, with a line about each second on a terminal."""
    report = Report()
    generator = Generator(
        options.target,
        scenario=options.scenario,
        rate=options.rate,
        shoppers=options.shoppers,
        report=report,
    )
    watching = asyncio.create_task(_watch(generator.figures))
    try:
        return await generator.run(options.seconds), report
    finally:
        watching.cancel()


async def _watch(figures: Figures) -> None:
    if not sys.stdout.isatty():
        return
    started, before = time.monotonic(), 0
    while True:
        await asyncio.sleep(1)
        seconds = time.monotonic() - started
        print(
            f"{seconds:4.0f} s  {figures.sent - before:5} requests/s  "
            f"p95 {_duration(figures.quantile(0.95))}  "
            f"{figures.failed} failed  {figures.missed} missed"
        )
        before = figures.sent


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if problem := asyncio.run(find(options.target)):
        print(problem, file=sys.stderr)
        return 2
    print(
        f"{options.rate:g} requests a second for {options.seconds:g} s to {options.target}: "
        f"{options.scenario}, at most {options.shoppers} shoppers",
        flush=True,
    )
    try:
        figures, report = asyncio.run(run(options))
    except KeyboardInterrupt:
        return 130
    print(report.table(figures))
    if figures.missed:
        print(
            f"{figures.missed} requests were due and not sent: all {options.shoppers} shoppers "
            f"waited, or this machine was too busy. They count as {TIMEOUT:.0f} s."
        )
    return 1 if figures.failed or figures.missed else 0


if __name__ == "__main__":
    sys.exit(main())
