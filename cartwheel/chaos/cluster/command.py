"""`cartwheel chaos cluster`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from cartwheel.chaos.cluster.faults import FAULTS, run_fault
from cartwheel.chaos.cluster.result import Result, as_json
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.console import print_wrapped
from cartwheel.errors import CommandError, UsageError

commands = typer.Typer()


@commands.command()
def cluster(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Some of {', '.join(FAULTS)}. Default: all.")
    ] = None,
    as_json_text: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Break the shop in the cluster of `make kind`, one fault after the other, and undo it.

    The exit code is 1 if something did not hold.
    """
    chosen = _chosen(names or [])
    shop = ShopCluster()
    results = []
    for name in chosen:
        if not as_json_text:
            print_wrapped(f"\n{FAULTS[name].title} ({name})")
        results.append(_run(name, shop))
        if not as_json_text:
            _print(results[-1])
    if as_json_text:
        typer.echo(as_json(results))
    raise typer.Exit(0 if all(one.held for one in results) else 1)


def _chosen(names: Sequence[str]) -> Sequence[str]:
    """Raises `UsageError`."""
    for name in names:
        if name not in FAULTS:
            raise UsageError(f"There is no fault {name!r}: choose {', '.join(FAULTS)}.")
    return names or list(FAULTS)


def _run(name: str, shop: ShopCluster) -> Result:
    """A fault that cannot be run here, or does not end as it must, has not held."""
    try:
        return asyncio.run(run_fault(name, shop))
    except CommandError as error:
        result = Result(name)
        result.claim(str(error), held=False)
        return result


def _print(result: Result) -> None:
    for claim in result.claims:
        print_wrapped(f"  {'✓' if claim.held else '✗'} {claim.sentence}")
    figures = ", ".join(f"{name} {value:g}" for name, value in result.figures.items())
    if figures:
        print_wrapped(f"  {figures}")
