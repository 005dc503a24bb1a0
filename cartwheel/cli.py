"""The `cartwheel` command; `kubectl cartwheel` is the same program.

Exit codes: 0 done, 1 it failed (nothing runs, a replica did not get ready), 2 wrong usage.
"""

import importlib
import os
import re
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer._click.core import Command, Context
from typer.core import TyperCommand, TyperGroup

from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import program_name
from cartwheel.printing import wrap

# Of each command the module that has it, in `commands`, and the first line of its help. So the list
# of all commands needs no import; a module is imported when its command is used.
SHOP_COMMANDS = {
    "up": ("cartwheel.local.command", "Start the shop and stay in the foreground."),
    "down": ("cartwheel.local.command", "Stop the shop that runs in another terminal."),
    "status": ("cartwheel.local.command", "Show the replicas of each service and their state."),
    "console": (
        "cartwheel.console.command",
        "Show the shop live in a page, put load on it and break it.",
    ),
    "scale": ("cartwheel.local.command", "Have COUNT replicas of a service."),
    "restart": (
        "cartwheel.local.command",
        "Replace a service's replicas one by one, losing no request.",
    ),
    "autoscale": (
        "cartwheel.local.autoscale_command",
        "Show or change the autoscaler of the running shop.",
    ),
    "migrate": (
        "cartwheel.local.command",
        "Migrate all stores to the newest schema (`up` does it too).",
    ),
    "seed": ("cartwheel.local.command", "Add the goods that the shop lacks (`up` does it too)."),
    "config": (
        "cartwheel.local.command",
        "Show the settings of the run or a service, secrets hidden.",
    ),
    "bench": ("cartwheel.bench.command", "Measure what requests cost on this machine."),
    "load": ("cartwheel.load.command", "Put load on the shop and watch it scale."),
    "cpu-trap": (
        "cartwheel.cpu_trap.command",
        "Scale a cart that waits for its store, by CPU and by requests.",
    ),
    "chaos": (
        "cartwheel.chaos.command",
        "Break the shop in known ways, and measure what becomes of it.",
    ),
}
COMMANDS = {
    **SHOP_COMMANDS,
    "explain": (
        "cartwheel.explain.command",
        "Explain why an autoscaler wants its number of replicas.",
    ),
    "simulate": (
        "cartwheel.simulation.command",
        "Show what autoscalers would do under a load, without a cluster.",
    ),
    "backtest": (
        "cartwheel.simulation.command",
        "Show what autoscalers would have done under a load of the past.",
    ),
    "export": (
        "cartwheel.console.sessions.export_command",
        "Save a session of the shop as one file, or as one page.",
    ),
    "museum": (
        "cartwheel.simulation.museum.command",
        "Show bugs and misreadings of real autoscalers.",
    ),
    "doctor": (
        "cartwheel.doctor.command",
        "Find what is wrong, and the command that mends it.",
    ),
}
# One package of each extra that the commands of the shop need.
_PACKAGES_OF_SHOP = ("fastapi", "psutil")
_NOT_INSTALLED = "Not installed: needs the extra `shop`."


class Commands(TyperGroup):
    """The commands by name; one is imported when it is used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # For the list, and for the suggestion after a typing error.
        self.commands = {name: TyperCommand(name, help=_help_of(name)) for name in COMMANDS}

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(command.name or ""), rest


def load_command(name: str) -> Command:
    """The command itself; without the extra that it needs, one that says so."""
    try:
        module = importlib.import_module(COMMANDS[name][0])
    except ModuleNotFoundError as error:
        if name not in SHOP_COMMANDS or (error.name or "").startswith("cartwheel"):
            raise
        return _not_installed(name)
    commands: typer.Typer = module.commands
    # Plain help, as of `cartwheel` itself.
    commands.rich_markup_mode = None
    return typer.main.get_group(commands).commands[name]


def _help_of(name: str) -> str:
    is_missing = name in SHOP_COMMANDS and not all(map(find_spec, _PACKAGES_OF_SHOP))
    return _NOT_INSTALLED if is_missing else COMMANDS[name][1]


app = typer.Typer(
    cls=Commands,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def overview(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Run the shop on this machine; explain and simulate the autoscalers of any cluster."""
    if version:
        typer.echo(f"cartwheel {metadata.version('cartwheel')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run a command; an error is one line and an exit code."""
    try:
        # Not standalone: typer would print a usage error in several lines.
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        code = _print_error(_wrong_usage(error), code=2)
    except CommandError as error:
        code = _print_error(str(error), code=error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        # The reader of our output has gone. Python would write again at exit, and fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _wrong_usage(error: typer.TyperException) -> str:
    """The error of the command line in one line, and the command that shows the help."""
    context: typer.Context | None = getattr(error, "ctx", None)
    flag = getattr(error, "option_name", "")
    if context and context.info_name == "scale" and (count := _negative_count(flag)):
        from cartwheel.local.topology import count_out_of_range

        return count_out_of_range(count)
    sentence = error.format_message()
    if not sentence.endswith((".", "?")):
        sentence += "."
    return f"{sentence} Try: {' '.join([program_name(), *_command_of(context)])} --help"


def _command_of(context: Context | None) -> list[str]:
    """The words of the command that was used; the parser's own errors have no context."""
    if context is None:
        return [word for word in sys.argv[1:2] if word in COMMANDS]
    if context.parent is None:
        return []
    return [*_command_of(context.parent), context.info_name or ""]


def _print_error(message: str, *, code: int) -> int:
    typer.echo(wrap(message, sys.stderr), err=True)
    return code


def _not_installed(name: str) -> TyperCommand:
    """A command that says how to install what it needs."""

    def refuse() -> None:
        raise UsageError(
            f"{name} needs the extra `shop`, which is not installed here. In a clone: make up"
        )

    return TyperCommand(
        name,
        callback=refuse,
        help=_NOT_INSTALLED,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


def _negative_count(flag: str) -> int | None:
    """The negative number that was parsed as this flag; -12 is parsed as the flag -1."""
    numbers = [word for word in sys.argv if re.fullmatch(r"-\d+", word)]
    return next((int(word) for word in numbers if flag and word.startswith(flag)), None)
