"""`cartwheel chaos soak`: shoppers on all services while one thing after the other happens to them.

Exit codes: 0 nothing was lost and all checks passed, 1 not, 2 wrong usage.
"""

import asyncio
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Literal

import typer

from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.shop import Shop, open_shop
from cartwheel.chaos.soak.candidates import candidate, usable_faults
from cartwheel.chaos.soak.ending import Files, conclude
from cartwheel.chaos.soak.run import SoakRun
from cartwheel.chaos.soak.schedule import Kind, Step, schedule
from cartwheel.chaos.soak.session import Plan, Soak
from cartwheel.errors import UsageError
from cartwheel.invocation import program_name
from cartwheel.load.figures_text import format_count
from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.settings import load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import print_wrapped

DEFAULT_MINUTES, MIN_MINUTES, MAX_MINUTES = 10.0, 0.1, 50.0
DEFAULT_RATE, MIN_RATE, MAX_RATE = 40.0, 1.0, 500.0
MAX_SEED = 2**31
NAME = "soak"

commands = typer.Typer()


@dataclass(frozen=True)
class _Asked:
    """The options that make a soak what it is."""

    minutes: float
    seed: int
    rate: float
    stores: Literal["sqlite", "real"] | None
    state_dir: Path | None

    def check(self) -> None:
        """Raises `UsageError`."""
        if not MIN_MINUTES <= self.minutes <= MAX_MINUTES:
            raise UsageError(f"--minutes must be from {MIN_MINUTES:g} to {MAX_MINUTES:g}.")
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise UsageError(f"--rate must be from {MIN_RATE:g} to {MAX_RATE:g}.")
        if not 0 <= self.seed < MAX_SEED:
            raise UsageError(f"--seed must be from 0 to {MAX_SEED - 1}.")

    def command(self, shop: Shop) -> str:
        """The command line that repeats it, with the stores of a shop of its own."""
        words = [f"--minutes {self.minutes:g}", f"--seed {self.seed}", f"--rate {self.rate:g}"]
        if shop.is_own:
            words.append(f"--stores {shop.stores}")
        if self.state_dir is not None:
            words.append(f"--state-dir {shlex.quote(str(self.state_dir))}")
        return f"{program_name()} chaos {NAME} {' '.join(words)}"


@commands.command(NAME)
def soak(
    minutes: Annotated[float, typer.Option(help="How long faults are injected.")] = DEFAULT_MINUTES,
    seed: Annotated[
        int | None, typer.Option(help="Of the faults and the shoppers (a random one).")
    ] = None,
    rate: Annotated[float, typer.Option(help="Requests a second.")] = DEFAULT_RATE,
    stores: Annotated[
        Literal["sqlite", "real"] | None,
        typer.Option(help="A shop of its own with these stores (the shop that runs, or SQLite)."),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write a report to this file.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the local run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Let shoppers use the shop under faults, restarts and scaling, and check that nothing is lost.

    Ctrl-C ends it early, with all checks.
    """
    chosen = SystemRandom().randrange(10_000) if seed is None else seed
    asked = _Asked(minutes, chosen, rate, stores, state_dir)
    asked.check()
    files = Files(html=html_file, json=json_file)
    files.check()
    state = StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)
    with (
        open_shop(state, stores=stores, announce=print_wrapped) as shop,
        tempfile.TemporaryDirectory(prefix="cartwheel-soak-") as folder,
    ):
        found = _run(asked, shop, history=Path(folder) / "history.jsonl")
    conclude(found)
    files.write(found)
    raise typer.Exit(0 if found.passed else 1)


def _run(asked: _Asked, shop: Shop, *, history: Path) -> Soak:
    plan = Plan(asked.command(shop), asked.seed, 60 * asked.minutes, asked.rate, shop.stores)
    faults = usable_faults(shop)
    steps = _steps(plan, faults, shop)
    _introduce(plan, steps)
    with open_fault_session(shop.state, f"cartwheel chaos {NAME}") as session:
        found = Soak(plan, started_at=time.time())

        async def run() -> None:
            soaking = SoakRun(found, shop, session, history=history, announce=print_wrapped)
            await soaking.run(steps, {fault.id: fault for fault in faults})

        asyncio.run(run())
    return found


def _steps(plan: Plan, faults: Sequence[Fault], shop: Shop) -> Sequence[Step]:
    """Whoever scales a service by itself would undo what the soak does to its replicas."""
    autoscaler = shop.status()["autoscaler"]
    scaled = {autoscaler["service"]} if autoscaler else set()
    for name in scaled:
        print_wrapped(f"The autoscaler scales {name}: the soak neither restarts nor scales it.")
    return schedule(
        [candidate(fault, plan.stores) for fault in faults],
        [name for name in shop.services() if name not in scaled],
        seed=plan.seed,
        seconds=plan.seconds,
    )


def _introduce(plan: Plan, steps: Sequence[Step]) -> None:
    number = sum(step.kind is Kind.FAULT for step in steps)
    print_wrapped(
        f"{plan.rate:g} requests a second for {plan.seconds / 60:g} minutes; meanwhile "
        f"{format_count(number)} faults, and {format_count(len(steps) - number)} restarts and "
        f"scalings. Seed {plan.seed}. Ctrl-C ends it early, with all checks."
    )
