"""`cartwheel chaos`: the faults that there are, and what becomes of the shop when one happens.

Exit codes: 0 all that must hold held, 1 not, 2 wrong usage.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated

import typer
from typer._click.core import Command, Context
from typer.core import TyperGroup

from cartwheel.chaos.catalogue import Fault, catalogue_schema, fault_as_json, faults, find_fault
from cartwheel.chaos.words import describe_effect, describe_hold, describe_needs
from cartwheel.invocation import program_name
from cartwheel.printing import print_wrapped

# Of a command that has a module of its own: it is imported when the command is used.
MODULES: Mapping[str, str] = {
    "cluster": "cartwheel.chaos.cluster.command",
    "run": "cartwheel.chaos.run_command",
    "soak": "cartwheel.chaos.soak.command",
}

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


class ChaosCommands(TyperGroup):
    """The commands of this module, and those of `MODULES`."""

    def list_commands(self, ctx: Context) -> list[str]:
        return [*super().list_commands(ctx), *MODULES]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in MODULES:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(MODULES[cmd_name])
        return typer.main.get_group(module.commands).commands[cmd_name]


chaos = typer.Typer(
    cls=ChaosCommands,
    invoke_without_command=True,
    rich_markup_mode=None,
)
commands = typer.Typer()
commands.add_typer(chaos, name="chaos")


@commands.callback()
def group() -> None:
    """So that `chaos` is a command of a group also while it is the only one."""


@chaos.callback()
def overview(context: typer.Context) -> None:
    """Break the shop in known ways, and measure what becomes of it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@chaos.command("list")
def list_faults(
    as_json: Json = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a fault instead.")
    ] = False,
) -> None:
    """List the faults of the catalogue."""
    if schema:
        typer.echo(json.dumps(catalogue_schema(), indent=2))
        return
    if as_json:
        typer.echo(json.dumps([fault_as_json(one) for one in faults().values()], indent=2))
        return
    _print_list(list(faults().values()))


@chaos.command()
def show(name: Annotated[str, typer.Argument(help="Of a fault.")], as_json: Json = False) -> None:
    """Show one fault: what it breaks, what one sees, what must hold."""
    fault = find_fault(name)
    if as_json:
        typer.echo(json.dumps(fault_as_json(fault), indent=2))
        return
    _print_fault(fault)


def _print_list(known: Sequence[Fault]) -> None:
    width = max(len(fault.id) for fault in known)
    areas = ["stores", "network", "processes"]
    in_order = sorted(known, key=lambda fault: (areas.index(fault.area), fault.id))
    for area, group in groupby(in_order, key=lambda fault: fault.area):
        typer.echo(f"{area.capitalize()}:")
        for fault in group:
            needs = describe_needs(fault.needs)
            typer.echo(f"  {fault.id:<{width}}  {fault.title}{f' ({needs})' if needs else ''}")
        typer.echo()
    print_wrapped(f"Try next: {program_name()} chaos run cart-killed")


def _print_fault(fault: Fault) -> None:
    needs = describe_needs(fault.needs)
    rows = "rows" if len(fault.rows) > 1 else "row"
    lines = {
        "Breaks": fault.breaks,
        "Injects": "; ".join(map(describe_effect, fault.inject)),
        "One sees": f"{fault.symptom.sentence} Within {fault.symptom.appears_within:g} s:",
        "": fault.symptom.query,
        "The shop": fault.response,
        "Must hold": "; ".join(
            [*map(describe_hold, fault.holds), "all checks of the history pass"]
        ),
        "Ends": f"After {fault.seconds:g} s. {fault.ends}",
        "Recovers": f"Within {fault.recovers_within:g} s.",
        "Needs": needs or "any shop",
        "Matrix": f"{rows} {', '.join(map(str, fault.rows))} of docs/faults.md",
    }
    typer.echo(f"{fault.title}\n")
    for name, text in lines.items():
        typer.echo(f"{name:<10} {text}")
    print_wrapped(f"\nTry next: {program_name()} chaos run {fault.id}")
