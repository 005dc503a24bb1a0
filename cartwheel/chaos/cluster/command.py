"""`cartwheel chaos cluster`."""

import asyncio
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

import typer

from cartwheel.chaos.cluster.faults import FAULTS, run_fault
from cartwheel.chaos.cluster.result import Result, as_json
from cartwheel.chaos.cluster.shop_cluster import ShopCluster, Stopped
from cartwheel.errors import CommandError, UsageError
from cartwheel.printing import print_wrapped

commands = typer.Typer()
LOCK = Path(gettempdir()) / "cartwheel-chaos-cluster.lock"


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
    with _alone():
        results = _run_all(chosen, ShopCluster(), is_silent=as_json_text)
    if as_json_text:
        typer.echo(as_json(results))
    raise typer.Exit(0 if all(one.held for one in results) else 1)


def _chosen(names: Sequence[str]) -> Sequence[str]:
    """Raises `UsageError`."""
    for name in names:
        if name not in FAULTS:
            raise UsageError(f"There is no fault {name!r}: choose {', '.join(FAULTS)}.")
    return names or list(FAULTS)


@contextmanager
def _alone() -> Iterator[None]:
    """Two runs would undo what the other one did. Raises `UsageError`."""
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "Another run of chaos cluster is on: wait until it has ended."
            ) from None
        yield


def _run_all(names: Sequence[str], shop: ShopCluster, *, is_silent: bool) -> list[Result]:
    results = []
    for name in names:
        if not is_silent:
            print_wrapped(f"\n{FAULTS[name].title} ({name})")
        results.append(_run(name, shop))
        if not is_silent:
            _print(results[-1])
    return results


def _run(name: str, shop: ShopCluster) -> Result:
    """A fault that cannot be run here, or does not end as it must, has not held."""
    try:
        return asyncio.run(run_fault(name, shop))
    except Stopped:
        raise
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
