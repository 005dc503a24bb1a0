"""`cartwheel bench`: runs benches by name and shows what they found."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.bench import (
    autoscale,
    autoscale_steady,
    cart_add,
    checkout,
    console,
    home,
    memory,
    metrics_scrape,
    overload,
    product,
    routes,
    scale_out,
    start_time,
    token_check,
)
from cartwheel.bench.chart import to_svg
from cartwheel.bench.machine import describe_machine
from cartwheel.bench.options import Options
from cartwheel.bench.progress_display import ProgressDisplay
from cartwheel.bench.report import (
    machine_to_markdown,
    print_result,
    to_json,
    to_markdown,
)
from cartwheel.bench.results import BenchResult
from cartwheel.bench.rounds import Progress
from cartwheel.bench.workbench import Checkout, Workbench, open_workbench
from cartwheel.errors import CommandError, UsageError, describe_error
from cartwheel.invocation import write_file
from cartwheel.local.open_files import raise_open_files_limit
from cartwheel.local.settings import load_local_settings
from cartwheel.local.signals import stop_signals_handled_in_loop
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import new_console

ALL, DEFAULT = "all", cart_add.NAME

Bench = Callable[[Workbench, Options, Progress], Awaitable[Sequence[BenchResult]]]
BENCHES: Mapping[str, Bench] = {
    module.NAME: module.run
    for module in (
        cart_add,
        product,
        token_check,
        home,
        checkout,
        routes,
        metrics_scrape,
        start_time,
        memory,
        scale_out,
        overload,
        autoscale,
        autoscale_steady,
        console,
    )
}
# Each takes minutes, whatever the options.
NOT_IN_ALL = (overload.NAME, autoscale.NAME, autoscale_steady.NAME)

NAMES_HELP = f"What to measure: {', '.join(BENCHES)} or {ALL} ({DEFAULT})."
commands = typer.Typer()


@dataclass(frozen=True)
class Outputs:
    """The files to write besides the tables, and whether the tables are Markdown."""

    json: Path | None = None
    svg: Path | None = None
    markdown: bool = False


@commands.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help=f"What to measure: {', '.join(BENCHES)} or {ALL} ({DEFAULT})."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(help="How often each variant is measured.")] = 7,
    seconds: Annotated[float, typer.Option(help="How long each time.")] = 2.0,
    connections: Annotated[int, typer.Option(help="How many send requests.")] = 64,
    variants: Annotated[str, typer.Option(help="Only these, separated by commas.")] = "",
    against: Annotated[
        Path | None,
        typer.Option(help="Another checkout of Cartwheel with its .venv, to compare with."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write all figures to this file.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Also draw a chart into this file.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Measure what requests cost on this machine."""
    options = Options(
        rounds=rounds,
        seconds=seconds,
        connections=connections,
        variants=[name.strip() for name in variants.split(",") if name.strip()],
        against=Checkout.at(against) if against else None,
        state_dir=StateFolder.at(load_local_settings(state_dir=state_dir).state_dir).root,
    )
    run_benches(names or [DEFAULT], options, Outputs(json_file, svg, markdown))


def run_benches(names: Sequence[str], options: Options, outputs: Outputs) -> None:
    """Run the benches and print each result as soon as it is there. Raises `CommandError`."""
    raise_open_files_limit()
    machine = describe_machine()
    if outputs.markdown:
        typer.echo(machine_to_markdown(machine) + "\n")
    results: list[BenchResult] = []
    for name in _check_names(names):
        found = _run(name, options)
        results += found
        for result in found:
            if outputs.markdown:
                typer.echo(to_markdown(result) + "\n")
            else:
                print_result(new_console(), result)
        # After each bench: what was measured is kept when the next one fails.
        if outputs.json is not None:
            write_file(outputs.json, to_json(machine, results))
        if outputs.svg is not None:
            write_file(outputs.svg, to_svg(machine, results))


def _check_names(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in (*BENCHES, ALL):
            raise UsageError(f"There is no bench {name!r}: choose {', '.join(BENCHES)} or {ALL}.")
    if ALL in names:
        return [name for name in BENCHES if name not in NOT_IN_ALL or name in names]
    return list(dict.fromkeys(names))


def _run(name: str, options: Options) -> Sequence[BenchResult]:
    try:
        return asyncio.run(_run_until_stopped(name, options))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(f"The bench {name} failed ({describe_error(error)}).") from error


async def _run_until_stopped(name: str, options: Options) -> Sequence[BenchResult]:
    task = asyncio.current_task()
    assert task is not None
    with stop_signals_handled_in_loop(task.cancel), ProgressDisplay(name) as progress:
        async with open_workbench() as workbench:
            return await BENCHES[name](workbench, options, progress)
