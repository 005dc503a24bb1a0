"""Load from this machine: ``python -m loadtest --scenario cart-add --rate 50 --seconds 60``.

Ctrl-C ends it with the figures so far, and a second one at once.
Exit codes: 0 every request got a response, 1 some failed, 2 wrong usage or no shop at the target,
3 the history could not be written.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

import uvloop

from loadtest.arrivals import (
    MAX_RATE,
    MAX_SECONDS,
    STAGES_HELP,
    InvalidStages,
    Stage,
    parse_stages,
)
from loadtest.changes import follow_changes, is_pipe
from loadtest.figures import Figures, Meter, Total, to_line
from loadtest.generator import USUAL_WAIT, Generator, usual_shoppers
from loadtest.history import HistoryWriter
from loadtest.recorder import Recorder
from loadtest.scenarios import MAX_SHOPPERS, SCENARIOS
from loadtest.settlement import Settlement
from loadtest.statistics import TIMEOUT
from loadtest.table import describe_failure, format_duration, table
from loadtest.target import problem_with

LIMITS = {"rate": MAX_RATE, "seconds": MAX_SECONDS, "shoppers": MAX_SHOPPERS}
INTERVAL = 1.0
HISTORY_NOT_WRITTEN = 3


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest", description="Put load on the shop, at a rate and for a time."
    )
    target = os.environ.get("CARTWHEEL_LOAD_TARGET") or "http://127.0.0.1:8080"
    parser.add_argument("--target", default=target, help="the shop (%(default)s)")
    parser.add_argument("--scenario", default="cart-add", choices=sorted(SCENARIOS))
    parser.add_argument("--rate", default=50.0, type=float, help="requests a second (%(default)s)")
    parser.add_argument("--seconds", default=60.0, type=float, help="and then stop (%(default)s)")
    parser.add_argument("--stages", help=f"instead of both: {STAGES_HELP}")
    parser.add_argument(
        "--shoppers", type=int, help=f"at most at once ({USUAL_WAIT:g} for each request a second)"
    )
    parser.add_argument("--figures", action="store_true", help="print all figures, as JSON lines")
    parser.add_argument(
        "--follow-stdin",
        action="store_true",
        help='change the load as lines on stdin say, as {"stages": "5m:80"}; their end ends it',
    )
    parser.add_argument("--history", type=Path, help="write each operation to this file")
    parser.add_argument("--seed", type=int, help="of what shoppers do; the same again with it")
    options = parser.parse_args(arguments)
    for name, maximum in LIMITS.items():
        value = getattr(options, name)
        if value is not None and not 0 < value <= maximum:
            parser.error(f"--{name} must be more than 0 and at most {maximum:g}")
    try:
        options.stages = stages_of(options.stages, rate=options.rate, seconds=options.seconds)
    except InvalidStages as error:
        parser.error(f"--stages: {error}")
    if options.follow_stdin and not is_pipe(sys.stdin):
        parser.error("--follow-stdin reads from a pipe, as in: other-program | python -m loadtest")
    options.shoppers = options.shoppers or usual_shoppers(options.stages)
    return options


def stages_of(text: str | None, *, rate: float, seconds: float) -> Sequence[Stage]:
    """The stages of a command line. Raises `InvalidStages`."""
    return parse_stages(text) if text else [Stage.constant(rate, seconds=seconds)]


async def run(
    options: argparse.Namespace, show: Callable[[Figures], None], history: HistoryWriter | None
) -> Total:
    """Run the load, and show its figures each second. With a history it is settled at the end.

    Figures are also shown before each change, so that none are of two loads.

    If the history cannot be written, the load ends.
    """
    meter = Meter()
    settlement = Settlement(Recorder(history.write).record) if history else None
    generator = Generator(
        options.target,
        scenario=options.scenario,
        shoppers=options.shoppers,
        on_response=meter.record_response,
        on_missed=meter.record_missed,
        on_exchange=settlement.observe if settlement else lambda _: None,
        seed=options.seed,
    )
    load = asyncio.create_task(generator.run(options.stages))
    _stop_on_signals(generator, load)

    def show_figures() -> None:
        show(meter.next_figures(generator))

    if options.follow_stdin:
        _follow_stdin(generator, load, before_change=show_figures)
    gc.freeze()
    while not load.done():
        await asyncio.wait([load], timeout=INTERVAL)
        show_figures()
        if history and history.problem:
            generator.stop()
    unsettled = None if settlement else 0
    with suppress(asyncio.CancelledError):
        load.result()
        if settlement and history and not history.problem:
            unsettled = await _settle(settlement, options.target)
    return meter.total(generator.statistics, unsettled=unsettled)


async def _settle(settlement: Settlement, target: str) -> int:
    """Settle what is open; a signal ends it. Returns how much of it is still open."""
    task = asyncio.create_task(settlement.settle(target))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def _follow_stdin(
    generator: Generator, load: asyncio.Task[object], *, before_change: Callable[[], None]
) -> None:
    """Change the load as each line says; the end of the lines ends it at once.

    Who has started it this way may die without a signal to it.
    """

    async def follow() -> None:
        await follow_changes(sys.stdin, generator, before_change=before_change)
        load.cancel()

    following = asyncio.create_task(follow())
    load.add_done_callback(lambda _: following.cancel())


def _stop_on_signals(generator: Generator, load: asyncio.Task[object]) -> None:
    """The first signal ends the load, the second also the requests in flight."""

    def stop() -> None:
        if generator.seconds_left:
            generator.stop()
        else:
            load.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _print_line(figures: Figures) -> None:
    print(to_line(figures), flush=True)


def _print_progress(figures: Figures) -> None:
    print(
        f"{figures.asked:6.0f} asked  {figures.achieved:6.0f} achieved  "
        f"p95 {format_duration(figures.p95)}  {figures.failed} failed  {figures.missed} missed"
    )


def _print_total(total: Total, options: argparse.Namespace) -> None:
    for kind, number in sorted(total.failures.items()):
        print(f"{number} failed: {describe_failure(kind)}")
    if total.missed:
        print(
            f"{total.missed} requests were due and not sent: all {options.shoppers} shoppers "
            f"waited, or this machine was too busy. They count as {TIMEOUT:.0f} s."
        )
    if total.unsettled:
        print(f"{total.unsettled} orders, carts or stocks could not be read to the end.")
    print(table(total))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        history = HistoryWriter(options.history) if options.history else None
    except OSError as error:
        print(f"{options.history} could not be written ({error.strerror}).", file=sys.stderr)
        return 2
    try:
        with history or nullcontext():
            code = _load(options, history)
    except KeyboardInterrupt:  # before the load began
        return 130
    if history and history.problem:
        print(history.problem, file=sys.stderr)
        return HISTORY_NOT_WRITTEN
    return code


def _load(options: argparse.Namespace, history: HistoryWriter | None) -> int:
    if problem := uvloop.run(problem_with(options.target)):
        print(problem, file=sys.stderr)
        return 2
    if options.figures:
        total = uvloop.run(run(options, _print_line, history))
        print(to_line(total), flush=True)
    else:
        _announce(options)
        show = _print_progress if sys.stdout.isatty() else lambda _: None
        total = uvloop.run(run(options, show, history))
        _print_total(total, options)
    return 1 if total.failed or total.missed else 0


def _announce(options: argparse.Namespace) -> None:
    load = " then ".join(map(str, options.stages))
    print(
        f"{load} to {options.target}: {options.scenario}, at most {options.shoppers} shoppers",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
