"""`cartwheel load`: puts load on the shop and shows what happens.

Exit codes: 0 all expectations are met (without any: no request failed), no request was missed
unless one of them is about that, and `--check` found nothing; 1 not; 2 wrong usage or no shop at
the target.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.errors import UsageError
from cartwheel.load import story
from cartwheel.load.checked_load import run_checked_load
from cartwheel.load.ending import Files, conclude
from cartwheel.load.expectations import (
    ALLOWED,
    REPLICAS,
    Expectation,
    is_good,
    parse_expectations,
)
from cartwheel.load.local_run import LocalRun
from cartwheel.load.runner import run_load
from cartwheel.load.session import Session
from cartwheel.local.command_lines import command_line
from cartwheel.local.settings import load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import print_wrapped
from loadtest.arrivals import (
    MAX_RATE,
    MAX_SECONDS,
    STAGES_HELP,
    InvalidStages,
    Stage,
    parse_stages,
)
from loadtest.generator import USUAL_WAIT, usual_shoppers
from loadtest.scenarios import MAX_SHOPPERS, SCENARIOS
from loadtest.target import problem_with

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
    check: Annotated[
        bool,
        typer.Option("--check", help="Check at the end that nothing is lost, doubled or oversold."),
    ] = False,
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
    run = run if run and run.is_at(target) else None
    _check_expectations(expectations, run)
    files = Files(json_file, html_file)
    files.check()
    _check_target(target)
    session = Session(target, scenario, chosen, service=run.service if run else None)
    _introduce(session, run, is_story=is_story)
    run_one = run_checked_load if check else run_load
    asyncio.run(run_one(session, run, shoppers=shoppers or usual_shoppers(chosen)))
    outcomes = [one.judge(session) for one in expectations] if session.total else []
    conclude(session, outcomes)
    files.write(session, outcomes)
    print_wrapped(f"Try next: {command_line(state.root, 'explain')}")
    raise typer.Exit(0 if is_good(session, expectations, outcomes) else 1)


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


def _check_target(target: str) -> None:
    """Now, not after the introduction. Raises `UsageError`."""
    if problem := asyncio.run(problem_with(target)):
        raise UsageError(problem)


def _introduce(session: Session, run: LocalRun | None, *, is_story: bool) -> None:
    if is_story:
        for sentence in story.introduction(run):
            print_wrapped(sentence)
        return
    stages = ", then ".join(map(str, session.stages))
    print_wrapped(f"{session.scenario} to {session.target}: {stages}.")
