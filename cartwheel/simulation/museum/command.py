"""`cartwheel museum`: bugs and misreadings of real autoscalers, played by the engine."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding

from cartwheel.errors import UsageError
from cartwheel.printing import new_console, print_wrapped
from cartwheel.simulation.museum.exhibit import Exhibit, Moment, Seen, exhibits, play

INDENT = (0, 0, 0, 10)

commands = typer.Typer()


@commands.command()
def museum(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One to see; without it, the list.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show bugs and misreadings of real autoscalers."""
    if name is None:
        _print_list(as_json=as_json)
        return
    if name not in exhibits():
        raise UsageError(f"There is no exhibit {name!r}: choose {', '.join(exhibits())}.")
    exhibit = exhibits()[name]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in play(exhibit)], indent=2))
        return
    _print_exhibit(exhibit, new_console())


def _print_list(*, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in exhibits().values()], indent=2))
        return
    width = max(map(len, exhibits()))
    for exhibit in exhibits().values():
        typer.echo(f"{exhibit.name:<{width}}  {exhibit.title}")
    print_wrapped(f"\nTry next: cartwheel museum {next(iter(exhibits()))}")


def _print_exhibit(exhibit: Exhibit, console: Console) -> None:
    console.print(f"{exhibit.title}  ", style="bold", end="")
    console.print(", ".join(exhibit.issues), style="dim")
    for heading, text in (("What one sees", exhibit.sees), ("Why", exhibit.why)):
        console.print(f"\n{heading}", style="dim")
        console.print(text)
    console.print()
    for seen in play(exhibit):
        _print_moment(seen, console)
    console.print("\nThe way out", style="dim")
    console.print(exhibit.way_out)
    if exhibit.remedy:
        counts = [str(seen.after) for seen in play(exhibit, with_remedy=True)]
        console.print(f"\nThe same with the remedy: {exhibit.replicas} → {' → '.join(counts)}.")


def _print_moment(seen: Seen, console: Console) -> None:
    change = f"{seen.before} → {seen.after}" if seen.after != seen.before else f"{seen.after}"
    note = f"  {seen.moment.note}" if seen.moment.note else ""
    console.print(f"{seen.moment.at:>6g} s  replicas {change:<7}{note}")
    # The first sentence says the count again.
    for line in (f"read: {_read(seen.moment)}", *seen.sentences[1:]):
        console.print(Padding(line, INDENT))


def _read(moment: Moment) -> str:
    parts = [one if isinstance(one, str) else f"{one:g}" for one in moment.metrics]
    if moment.surge:
        parts.append(f"{moment.surge} replica more than asked for")
    if moment.unready:
        parts.append(f"{moment.unready} not ready")
    return "; ".join(parts)
