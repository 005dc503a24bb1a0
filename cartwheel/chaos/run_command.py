"""`cartwheel chaos run`: has one fault happen, or one after the other."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from cartwheel.chaos.catalogue import Fault, faults, find_fault
from cartwheel.chaos.events import open_events
from cartwheel.chaos.plan import Planned, random_plan
from cartwheel.chaos.run import Choice, RunResult, run_plan
from cartwheel.chaos.shop import Shop, StoreSet, find_shop, open_shop
from cartwheel.chaos.story import Story
from cartwheel.errors import UsageError
from cartwheel.local.command_lines import command_line
from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.settings import load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import new_console, print_wrapped

DEFAULT_RATE, MAX_RATE = 20.0, 200.0
DEFAULT_MINUTES, MAX_MINUTES = 5.0, 60.0
MAX_FAULT_SECONDS = 60.0
MAX_SEED = 2**32 - 1
# As after Ctrl-C in a shell.
EX_INTERRUPTED = 130

commands = typer.Typer()


@commands.callback()
def group() -> None:
    """So that `run` is a command of a group."""


@commands.command()
def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Of a fault; see cartwheel chaos list.")
    ] = None,
    is_random: Annotated[
        bool, typer.Option("--random", help="One fault after the other, in a random order.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of the order, and of the shoppers (default: by chance).")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help=f"How long, with --random ({DEFAULT_MINUTES:g}).")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="How long each fault lasts (default: see chaos show).")
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Requests a second of the shoppers meanwhile.")
    ] = DEFAULT_RATE,
    stores: Annotated[
        str | None, typer.Option(help="Start a shop of its own: sqlite, or real.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    events: Annotated[
        Path | None,
        typer.Option(help="Write what happens to this file too, as JSON lines, as it happens."),
    ] = None,
) -> None:
    """Have a fault happen to the running shop, or to one of its own, and measure what it does."""
    fault = _fault_of(name, is_random=is_random)
    _check_numbers(minutes, seconds, rate, seed, is_random=is_random)
    state = StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)
    chosen = _stores_of(stores, fault, state)
    seed = Random().randrange(10_000) if seed is None else seed
    console = Console(quiet=True) if as_json else new_console()
    announce = _announce_on_stderr if as_json else print_wrapped

    def choice_for(shop: Shop) -> Choice:
        if fault is not None:
            return Choice(iter([Planned(fault, 0.0)]), [fault], rate, seed, seconds=seconds)
        known = _possible_in(shop)
        plan = random_plan(known, seed=seed)
        return Choice(plan, known, rate, seed, minutes or DEFAULT_MINUTES, seconds)

    with (
        open_events(events) as event_file,
        open_shop(state, stores=chosen, announce=announce) as shop,
    ):
        result = _run(shop, fault, choice_for, Story(console, event_file), seed=seed)
    if as_json:
        typer.echo(json.dumps(result.as_json, indent=2))
    else:
        _conclude(result)
        minutes = (minutes or DEFAULT_MINUTES) if is_random else None
        what = _repeated(name or "--random", result, rate=rate, minutes=minutes, seconds=seconds)
        print_wrapped(f"To repeat it: {command_line(state.root, what)}")
    raise typer.Exit(_exit_code(result))


def _run(
    shop: Shop,
    fault: Fault | None,
    choice_for: Callable[[Shop], Choice],
    story: Story,
    *,
    seed: int,
) -> RunResult:
    """Raises `CommandError`."""
    if fault is not None:
        _check_shop(fault, shop)
    what = fault.id if fault is not None else "--random"
    with (
        open_fault_session(shop.state, f"cartwheel chaos run {what}") as session,
        tempfile.TemporaryDirectory(prefix="cartwheel-chaos-") as folder,
    ):
        story.report(
            "·",
            f"The shop at {shop.url} ({shop.stores} stores), with shoppers and probes; "
            f"seed {seed}. Ctrl-C ends the fault.",
        )
        run = run_plan(choice_for(shop), shop, session, story, folder=Path(folder))
        try:
            return asyncio.run(run)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


def _fault_of(name: str | None, *, is_random: bool) -> Fault | None:
    """Raises `UsageError`."""
    if is_random == (name is not None):
        raise UsageError("Name a fault (see cartwheel chaos list), or choose --random.")
    return None if name is None else find_fault(name)


def _check_numbers(
    minutes: float | None,
    seconds: float | None,
    rate: float,
    seed: int | None,
    *,
    is_random: bool,
) -> None:
    """Raises `UsageError`."""
    if minutes is not None and not is_random:
        raise UsageError("--minutes is for --random: a single fault has --seconds.")
    bounds = {
        "minutes": (minutes, 0.1, MAX_MINUTES),
        "seconds": (seconds, 0.5, MAX_FAULT_SECONDS),
        "rate": (rate, 1.0, MAX_RATE),
        "seed": (seed, 0, MAX_SEED),
    }
    for option, (value, least, most) in bounds.items():
        if value is not None and not least <= value <= most:
            raise UsageError(f"--{option} must be from {least:g} to {most:.10g}.")


def _stores_of(given: str | None, fault: Fault | None, state: StateFolder) -> StoreSet | None:
    """The stores of a shop of its own; None for the running one. Raises `UsageError`."""
    if given is not None:
        if given not in get_args(StoreSet):
            raise UsageError("--stores must be sqlite or real.")
        if fault is not None and (problem := fault.problem_with(given)):
            raise UsageError(f"{problem} Omit --stores, or choose another fault.")
        return cast(StoreSet, given)
    if find_shop(state) is not None:
        return None
    needed = fault.needs.stores if fault is not None else "any"
    return "sqlite" if needed == "any" else needed


def _check_shop(fault: Fault, shop: Shop) -> None:
    """Raises `UsageError`."""
    problem = fault.problem_with(shop.stores, has_chaos=shop.has_chaos)
    if problem:
        needed = shop.stores if fault.needs.stores == "any" else fault.needs.stores
        raise UsageError(
            f"{problem} To run it on a shop of its own beside it, add --stores {needed}."
        )


def _possible_in(shop: Shop) -> Sequence[Fault]:
    return [
        fault
        for fault in faults().values()
        if not fault.problem_with(shop.stores, has_chaos=shop.has_chaos)
    ]


def _conclude(result: RunResult) -> None:
    if not result.faults:
        print_wrapped("\nEnded before any fault.")
        return
    good = sum(fault.is_good for fault in result.faults)
    if len(result.faults) > 1:
        print_wrapped(f"\n{good} of {len(result.faults)} faults went as they must.")
    print_wrapped(f"\n{_conclusion(result)}")


def _repeated(
    what: str, result: RunResult, *, rate: float, minutes: float | None, seconds: float | None
) -> str:
    """The command that repeats the run, with the stores of a shop of its own."""
    words = ["chaos run", what, f"--seed {result.seed}", f"--rate {rate:g}"]
    if minutes is not None:
        words.append(f"--minutes {minutes:g}")
    if seconds is not None:
        words.append(f"--seconds {seconds:g}")
    if result.shop.is_own:
        words.append(f"--stores {result.shop.stores}")
    return " ".join(words)


def _conclusion(result: RunResult) -> str:
    if not result.is_good:
        return "Not all held: see ✗ and !."
    if result.was_interrupted:
        return "Ended early; what was measured until then went as it must."
    unseen = [fault.fault.id for fault in result.faults if not fault.is_complete]
    if unseen:
        return f"All held, but it ended before one had to see it: {', '.join(unseen)}."
    return "All went as it must."


def _exit_code(result: RunResult) -> int:
    if result.was_interrupted and (result.is_good or not result.faults):
        return EX_INTERRUPTED
    return 0 if result.is_good else 1


def _announce_on_stderr(sentence: str) -> None:
    typer.echo(sentence, err=True)
