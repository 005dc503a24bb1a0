"""`cartwheel simulate` and `cartwheel backtest`."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.manifests import Autoscaler, ManifestError, read_autoscalers
from cartwheel.console import new_console, print_wrapped
from cartwheel.errors import CommandError, UsageError
from cartwheel.simulation.assumptions import (
    Assumptions,
    describe,
    measured_by_bench,
    parse_assumptions,
)
from cartwheel.simulation.chart import to_svg
from cartwheel.simulation.durations import parse_duration
from cartwheel.simulation.load_shape import LoadShape, parse_stages, read_csv
from cartwheel.simulation.prometheus import query_load
from cartwheel.simulation.report import table, to_html, to_json
from cartwheel.simulation.run import Run
from cartwheel.simulation.run_charts import columns
from cartwheel.simulation.start import start

commands = typer.Typer()

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", help="Manifests with HorizontalPodAutoscalers or ScaledObjects."
    ),
]
Assume = Annotated[
    list[str] | None,
    typer.Option(help="What the model assumes: capacity=100,start=20s; may be repeated."),
]
Bench = Annotated[
    Path | None,
    typer.Option(help="Take capacity and CPU from a file of: cartwheel bench cart-add --json."),
]
Replicas = Annotated[
    int | None, typer.Option(min=0, help="Replicas at the start (as many as the load needs).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Svg = Annotated[Path | None, typer.Option(help="Also draw a chart into this file.")]
Html = Annotated[Path | None, typer.Option(help="Also write a page with charts and decisions.")]


@dataclass(frozen=True)
class Outputs:
    """What to show besides the table."""

    as_json: bool
    svg: Path | None
    html: Path | None


@commands.command()
def simulate(
    files: Files,
    stages: Annotated[
        str, typer.Option(help="The load, as in 30s:50,1m:50..400 (duration:requests a second).")
    ],
    assume: Assume = None,
    bench: Bench = None,
    replicas: Replicas = None,
    as_json: Json = False,
    svg: Svg = None,
    html: Html = None,
) -> None:
    """Show what autoscalers would do under a load, without a cluster."""
    _simulate(
        files,
        parse_stages(stages),
        _assumptions(assume, bench),
        replicas=replicas,
        outputs=Outputs(as_json, svg, html),
        title="Simulation",
    )


@commands.command()
def backtest(
    files: Files,
    csv: Annotated[
        Path | None, typer.Option(help="The load: a file of times and requests a second.")
    ] = None,
    prometheus: Annotated[
        str | None, typer.Option(help="The load: the URL of a Prometheus, with --query.")
    ] = None,
    query: Annotated[str, typer.Option(help="PromQL for requests a second.")] = "",
    last: Annotated[str, typer.Option(help="How far back.")] = "7d",
    resample: Annotated[str, typer.Option(help="Time between two values.")] = "15s",
    assume: Assume = None,
    bench: Bench = None,
    replicas: Replicas = None,
    as_json: Json = False,
    svg: Svg = None,
    html: Html = None,
) -> None:
    """Show what autoscalers would have done under a load of the past."""
    if (csv is None) == (prometheus is None):
        raise UsageError("Where does the load come from? One of --csv, --prometheus.")
    if csv is not None:
        shape = read_csv(csv)
    else:
        assert prometheus is not None
        if not query:
            raise UsageError("--prometheus needs a --query for the requests a second.")
        shape = query_load(
            prometheus, query, last=parse_duration(last), step=parse_duration(resample)
        )
    _simulate(
        files,
        shape,
        _assumptions(assume, bench),
        replicas=replicas,
        outputs=Outputs(as_json, svg, html),
        title="Backtest",
    )


def _assumptions(assume: Sequence[str] | None, bench: Path | None) -> Assumptions:
    base = measured_by_bench(bench) if bench else Assumptions()
    return parse_assumptions(assume or (), base)


def _simulate(
    files: Sequence[Path],
    shape: LoadShape,
    assumed: Assumptions,
    *,
    replicas: int | None,
    outputs: Outputs,
    title: str,
) -> None:
    runs = []
    for name, source, spec in _read(files):
        try:
            simulation = start(spec, shape, assumed, replicas=replicas)
        except UnsupportedError as error:
            raise CommandError(f"{source}: {error}.") from error
        runs.append(simulation.run(name=name, source=source))
    _show(runs, outputs, title)


def _read(files: Sequence[Path]) -> list[tuple[str, str, Autoscaler]]:
    """Name, file and autoscaler; a name that occurs twice gets its file."""
    found = []
    for path in files:
        try:
            specs = read_autoscalers([path])
        except ManifestError as error:
            raise UsageError(str(error)) from error
        if not specs:
            raise UsageError(f"{path} has no autoscaler.")
        found += [(spec, path) for spec in specs]
    names = [spec.name for spec, _ in found]
    return [
        (
            spec.name if names.count(spec.name) == 1 else f"{spec.name} ({path.stem})",
            str(path),
            spec,
        )
        for spec, path in found
    ]


def _show(runs: Sequence[Run], outputs: Outputs, title: str) -> None:
    if outputs.svg is not None:
        _write(outputs.svg, to_svg(columns(runs), title=title))
    if outputs.html is not None:
        command = shlex.join(["cartwheel", *sys.argv[1:]])
        _write(outputs.html, to_html(runs, title=title, command=command))
    if outputs.as_json:
        typer.echo(to_json(runs), nl=False)
        return
    new_console().print(table(runs))
    print_wrapped(f"\nAssumed: {describe(runs[0].assumptions)}")
    if outputs.html is None:
        print_wrapped("Try next: the same with --html page.html")
    else:
        print_wrapped(f"Written: {outputs.html}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
