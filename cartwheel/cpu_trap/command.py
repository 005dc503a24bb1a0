"""`cartwheel cpu-trap`: runs the trap on this machine and shows what came of it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.bench.machine import describe_machine
from cartwheel.cpu_trap.experiment import DELAY, METRICS, STAGES, run_experiment
from cartwheel.cpu_trap.report import draw, table, to_json
from cartwheel.invocation import check_writable, write_file
from cartwheel.printing import new_console, print_wrapped

commands = typer.Typer()


@commands.command("cpu-trap")
def cpu_trap(
    svg: Annotated[Path | None, typer.Option(help="Also draw the charts into this file.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write all samples to this file.")
    ] = None,
) -> None:
    """Scale a cart that waits for its store, by CPU and by requests.

    Takes five minutes; the load is the same both times.
    """
    for path in filter(None, (svg, json_file)):
        check_writable(path)
    print_wrapped(
        f"A cart whose store is {DELAY * 1000:g} ms away, one request at a time, under the load "
        f"{STAGES}: first scaled by CPU, then by requests. This takes five minutes."
    )
    experiments = [asyncio.run(run_experiment(metric)) for metric in METRICS]
    if svg is not None:
        write_file(svg, draw(experiments))
    if json_file is not None:
        write_file(json_file, to_json(experiments, describe_machine()))
    new_console().print(table(experiments))
    print_wrapped("Why: docs/guide/6-the-cpu-trap.md")
