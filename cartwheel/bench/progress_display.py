"""What a bench is doing: a bar on a terminal, a line for each stage elsewhere; on stderr."""

import sys
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class ProgressDisplay:
    """Shows the progress of one bench during its block."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stage = ""
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn(name),
                BarColumn(20),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, detail: str, *, share: float = 0.0) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=share, description=f"{stage}: {detail}")
        elif stage != self._stage:
            typer.echo(f"{self._name}: {stage}", err=True)
        self._stage = stage
