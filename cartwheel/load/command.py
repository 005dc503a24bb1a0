"""`cartwheel load`: puts load on the shop and shows what happens.

Exit codes: 0 all expectations are met (without any: no request failed), 1 not, 2 wrong usage or no
shop at the target.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.console import print_wrapped
from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import display_path
from cartwheel.load import story
from cartwheel.load.expectations import (
    ALLOWED,
    REPLICAS,
    Expectation,
    Outcome,
    parse_expectations,
)
from cartwheel.load.figures_text import format_failures
from cartwheel.load.local_run import LocalRun
from cartwheel.load.report import to_html, to_json
from cartwheel.load.runner import run_load
from cartwheel.load.session import Session
from cartwheel.load.view import clock
from cartwheel.local.command_lines import command_line
from cartwheel.local.settings import load_local_settings
from cartwheel.local.state_folder import StateFolder
from loadtest.arrivals import (
    MAX_RATE,
    MAX_SECONDS,
    STAGES_HELP,
    InvalidStages,
    Stage,
    parse_stages,
)
from loadtest.generator import MAX_SHOPPERS, USUAL_WAIT, usual_shoppers
from loadtest.scenarios import SCENARIOS
from loadtest.statistics import TIMEOUT
from loadtest.table import table

DEFAULT_RATE, DEFAULT_SECONDS = 50.0, 60.0

commands = typer.Typer()


@commands.command()
def load(
    target: Annotated[
        str | None,
        typer.Option(help="The shop (CARTWHEEL_LOAD_TARGET; the one of `cartwheel up`)."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help=f"Requests a second ({DEFAULT_RATE:g}).")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help=f"How long ({DEFAULT_SECONDS:g}).")] = None,
    stages: Annotated[str | None, typer.Option(help=f"Instead of both: {STAGES_HELP}.")] = None,
    scenario: Annotated[
        str, typer.Option(help=f"What shoppers do: {', '.join(SCENARIOS)}.")
    ] = "cart-add",
    shoppers: Annotated[
        int | None,
        typer.Option(
            help=f"How many requests may wait ({USUAL_WAIT:g} for each request a second)."
        ),
    ] = None,
    expect: Annotated[
        str | None, typer.Option(help=f"As p95<50ms,failed=0,replicas>=5: {ALLOWED}.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write all figures to this file.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Also write a report to this file.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the local run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Put load on the shop and watch it scale.

    Without a rate: a story of one minute.
    """
    settings = load_local_settings(state_dir=state_dir)
    state = StateFolder.at(settings.state_dir)
    is_story = rate is None and seconds is None and stages is None
    chosen = story.STAGES if is_story else _stages(stages, rate=rate, seconds=seconds)
    expectations = parse_expectations(expect) if expect else []
    _check_choice(scenario, shoppers)
    run = LocalRun.find(state)
    target = _target(target, run, port=settings.port_storefront)
    if run is not None and not run.is_at(target):
        run = None
    _check_expectations(expectations, run)
    for path in filter(None, (json_file, html_file)):
        _check_writable(path)
    session = Session(target, scenario, chosen, service=run.service if run else None)
    _introduce(session, run, is_story=is_story)
    asyncio.run(run_load(session, run, shoppers=shoppers or usual_shoppers(chosen)))
    outcomes = [one.judge(session) for one in expectations] if session.total else []
    _conclude(session, outcomes)
    if json_file is not None and session.total is not None:
        _write(json_file, to_json(session, outcomes))
    if html_file is not None and session.total is not None:
        _write(html_file, to_html(session, outcomes))
    print_wrapped(f"Try next: {command_line(state.root, 'explain')}")
    raise typer.Exit(0 if _is_good(session, outcomes) else 1)


def _target(given: str | None, run: LocalRun | None, *, port: int) -> str:
    target = given or os.environ.get("CARTWHEEL_LOAD_TARGET") or (run.url if run else None)
    return (target or f"http://127.0.0.1:{port}").rstrip("/")


def _stages(text: str | None, *, rate: float | None, seconds: float | None) -> Sequence[Stage]:
    """Raises `UsageError`."""
    if text is None:
        limits = {"rate": MAX_RATE, "seconds": MAX_SECONDS}
        chosen = {"rate": rate or DEFAULT_RATE, "seconds": seconds or DEFAULT_SECONDS}
        for name, value in {"rate": rate, "seconds": seconds}.items():
            if value is not None and not 0.001 <= value <= limits[name]:
                raise UsageError(f"--{name} must be more than 0 and at most {limits[name]:g}.")
        return [Stage.constant(chosen["rate"], seconds=chosen["seconds"])]
    if rate is not None or seconds is not None:
        raise UsageError("--stages has rates and durations of its own: omit --rate and --seconds.")
    try:
        return parse_stages(text)
    except InvalidStages as error:
        raise UsageError(f"--stages: {error}.") from None


def _check_choice(scenario: str, shoppers: int | None) -> None:
    """Raises `UsageError`."""
    if scenario not in SCENARIOS:
        raise UsageError(f"There is no scenario {scenario!r}: choose {', '.join(SCENARIOS)}.")
    if shoppers is not None and not 1 <= shoppers <= MAX_SHOPPERS:
        raise UsageError(f"--shoppers must be from 1 to {MAX_SHOPPERS}.")


def _check_expectations(expectations: Sequence[Expectation], run: LocalRun | None) -> None:
    """Raises `UsageError`."""
    if run is None and any(one.name == REPLICAS for one in expectations):
        raise UsageError(
            "--expect: replicas are known only of the shop of cartwheel up; name its --state-dir."
        )


def _check_writable(path: Path) -> None:
    """Now, not after the load. Raises `UsageError`."""
    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from None


def _write(path: Path, text: str) -> None:
    """Raises `CommandError`."""
    try:
        path.write_text(text)
    except OSError as error:
        raise CommandError(f"{path} could not be written ({error.strerror}).") from None
    print_wrapped(f"Written: {display_path(path.absolute())}")


def _introduce(session: Session, run: LocalRun | None, *, is_story: bool) -> None:
    if is_story:
        for sentence in story.introduction(run):
            print_wrapped(sentence)
        return
    stages = ", then ".join(map(str, session.stages))
    print_wrapped(f"{session.scenario} to {session.target}: {stages}.")


def _conclude(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Print what the load has shown."""
    total = session.total
    if total is None:
        print_wrapped("The load had not begun.")
        return
    typer.echo(table(total))
    if total.failures:
        print_wrapped(f"✗ failed: {format_failures(total.failures)}.")
    if total.rejections:
        print_wrapped(f"! rejected: {format_failures(total.rejections)}.")
    if total.missed:
        print_wrapped(
            f"✗ {total.missed} requests were due and not sent: all shoppers waited, or this "
            f"machine was too busy. They count as {TIMEOUT:.0f} s."
        )
    for outage in session.outages:
        print_wrapped(f"✗ no response for {outage.seconds:.0f} s from {clock(outage.start)} on.")
    for sentence in story.conclusion(session):
        print_wrapped(sentence)
    for outcome in outcomes:
        sign = "✓" if outcome.is_met else "✗"
        print_wrapped(f"{sign} {outcome.expectation}: {outcome.found}")


def _is_good(session: Session, outcomes: Sequence[Outcome]) -> bool:
    if session.total is None:
        return False
    if outcomes:
        return all(one.is_met for one in outcomes)
    return not session.total.failed and not session.total.missed
