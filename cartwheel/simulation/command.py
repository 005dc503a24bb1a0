"""`cartwheel simulate` and `cartwheel backtest`."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.manifests import Autoscaler, ManifestError, read_autoscalers
from cartwheel.charts.svg_file import to_svg
from cartwheel.errors import UsageError
from cartwheel.invocation import check_writable, write_file
from cartwheel.printing import new_console, print_wrapped, wrap
from cartwheel.recording import Entry, RecordingError, read_recording
from cartwheel.recording.recorder import earlier_file
from cartwheel.simulation.assumptions import (
    Assumptions,
    describe,
    measured_by_bench,
    parse_assumptions,
)
from cartwheel.simulation.durations import parse_duration
from cartwheel.simulation.load_shape import LoadShape, PastLoad, parse_stages, read_csv
from cartwheel.simulation.prometheus import query_load
from cartwheel.simulation.replay import load_of, replay
from cartwheel.simulation.report import table, to_html, to_json
from cartwheel.simulation.run import Run
from cartwheel.simulation.run_charts import columns
from cartwheel.simulation.simulation import Simulation
from cartwheel.simulation.start import start
from cartwheel.simulation.stepping import step_through
from cartwheel.simulation.workload import MAX_REPLICAS

commands = typer.Typer()

LAST, RESAMPLE = "7d", "15s"
FILES = typer.Argument(
    metavar="FILE...", help="Manifests with HorizontalPodAutoscalers or ScaledObjects."
)
Compare = Annotated[
    bool, typer.Option("--compare", help="Show differences from the first autoscaler.")
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
    int | None,
    typer.Option(
        min=0, max=MAX_REPLICAS, help="Replicas at the start (as many as the load needs)."
    ),
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
    is_comparison: bool
    inputs: Sequence[Path | None]
    """The files that are read, which no output may replace."""

    def __post_init__(self) -> None:
        for path in filter(None, (self.svg, self.html)):
            check_writable(path, inputs=filter(None, self.inputs))


@dataclass(frozen=True)
class Started:
    """A simulation of the autoscaler of that name and file."""

    name: str
    source: str
    simulation: Simulation

    def run(self) -> Run:
        return self.simulation.run(name=self.name, source=self.source)


@commands.command()
def simulate(
    files: Annotated[list[Path], FILES],
    stages: Annotated[
        str, typer.Option(help="The load, as in 30s:50,1m:50..400 (duration:requests a second).")
    ],
    step: Annotated[
        bool, typer.Option("--step", help="Go one sync at a time: space, and why.")
    ] = False,
    compare: Compare = False,
    assume: Assume = None,
    bench: Bench = None,
    replicas: Replicas = None,
    as_json: Json = False,
    svg: Svg = None,
    html: Html = None,
) -> None:
    """Show what autoscalers would do under a load, without a cluster."""
    simulations = _start(files, parse_stages(stages), _assumptions(assume, bench), replicas)
    if step:
        if len(simulations) > 1:
            raise UsageError(f"--step takes one autoscaler; there are {len(simulations)}.")
        step_through(simulations[0].simulation, new_console())
        return
    outputs = Outputs(as_json, svg, html, is_comparison=compare, inputs=[*files, bench])
    _show([one.run() for one in simulations], outputs, "Simulation")


@commands.command()
def backtest(
    files: Annotated[list[Path] | None, FILES] = None,
    recording: Annotated[
        Path | None,
        typer.Option(help="The load: a recorded session; without FILE, its decisions again."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="The load: a file of times and requests a second.")
    ] = None,
    prometheus: Annotated[
        str | None, typer.Option(help="The load: the URL of a Prometheus, with --query.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="PromQL for requests a second.")] = None,
    last: Annotated[str | None, typer.Option(help=f"How far back ({LAST}).")] = None,
    resample: Annotated[
        str | None, typer.Option(help=f"Time between two values ({RESAMPLE}).")
    ] = None,
    compare: Compare = False,
    assume: Assume = None,
    bench: Bench = None,
    replicas: Replicas = None,
    as_json: Json = False,
    svg: Svg = None,
    html: Html = None,
) -> None:
    """Show what autoscalers would have done under a load of the past."""
    if [csv, prometheus, recording].count(None) != 2:
        raise UsageError("Where does the load come from? One of --csv, --prometheus, --recording.")
    if prometheus is None:
        _refuse("is for --prometheus", query=query, last=last, resample=resample)
    if recording is not None and not files:
        _refuse(
            "needs a FILE: without one, only the recorded decisions are repeated",
            compare=compare or None,
            assume=assume,
            bench=bench,
            replicas=replicas,
            svg=svg,
            html=html,
        )
        _replay(recording, as_json=as_json)
        return
    if not files:
        raise UsageError("Which autoscalers? Give at least one FILE.")
    earlier = recording and earlier_file(recording)
    inputs = [*files, recording, earlier, csv, bench]
    outputs = Outputs(as_json, svg, html, is_comparison=compare, inputs=inputs)
    assumptions = _assumptions(assume, bench)
    if csv is not None:
        load = PastLoad(read_csv(csv))
    elif recording is not None:
        load = load_of(_entries(recording))
    else:
        load = _query(prometheus or "", query, last=last or LAST, resample=resample or RESAMPLE)
    if load.note:
        typer.echo(wrap(load.note, sys.stderr), err=True)
    simulations = _start(files, load.shape, assumptions, replicas)
    _show([one.run() for one in simulations], outputs, "Backtest")


def _refuse(reason: str, **options: object) -> None:
    """Raises `UsageError` for an option that is given and would be ignored."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} {reason}.")


def _replay(recording: Path, *, as_json: bool) -> None:
    found = replay(_entries(recording))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        print_wrapped(found.describe())
    if found.differences:
        raise typer.Exit(1)


def _entries(recording: Path) -> Iterator[Entry]:
    try:
        yield from read_recording(recording)
    except RecordingError as error:
        raise UsageError(f"{error}.") from error


def _query(url: str, query: str | None, *, last: str, resample: str) -> PastLoad:
    if not query:
        raise UsageError("--prometheus needs a --query for the requests a second.")
    return query_load(url, query, last=parse_duration(last), step=parse_duration(resample))


def _assumptions(assume: Sequence[str] | None, bench: Path | None) -> Assumptions:
    base = measured_by_bench(bench) if bench else Assumptions()
    return parse_assumptions(assume or (), base)


def _start(
    files: Sequence[Path], shape: LoadShape, assumed: Assumptions, replicas: int | None
) -> list[Started]:
    found = []
    for name, source, spec in _read(files):
        try:
            simulation = start(spec, shape, assumed, replicas=replicas)
        except UnsupportedError as error:
            raise UsageError(f"{source}: {error}.") from error
        found.append(Started(name, source, simulation))
    return found


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
        write_file(outputs.svg, to_svg(columns(runs), title=title))
    if outputs.html is not None:
        command = shlex.join(["cartwheel", *sys.argv[1:]])
        write_file(outputs.html, to_html(runs, title=title, command=command))
    if outputs.as_json:
        typer.echo(to_json(runs), nl=False)
        return
    new_console().print(table(runs, is_comparison=outputs.is_comparison))
    print_wrapped(f"\nAssumed: {describe(runs[0].assumptions)}")
    if outputs.html is None:
        print_wrapped("Try next: the same with --html page.html")
    else:
        print_wrapped(f"Written: {outputs.html}")
