"""What every command prints with: a console, wrapped sentences, aligned values."""

import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import TextIO

import typer
from rich.console import Console

LINE_WIDTH = 100


def new_console() -> Console:
    """A console that never wraps for a pipe; colour only on a terminal, never with NO_COLOR."""
    width = None if sys.stdout.isatty() else LINE_WIDTH
    return Console(width=width, highlight=False)


def wrap(sentence: str, stream: TextIO) -> str:
    """On a terminal, wrapped between words; elsewhere unchanged, for programs that read it."""
    if not stream.isatty():
        return sentence
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in sentence.splitlines()
    )


def print_wrapped(message: str) -> None:
    """Print sentences on stdout."""
    typer.echo(wrap(message, sys.stdout))


def align(values: Mapping[str, str]) -> str:
    """Names and values in two columns; long values stay in one line, to be copied."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values.items())
