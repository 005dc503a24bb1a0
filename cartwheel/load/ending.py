"""What is printed and written when a load has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from cartwheel.invocation import check_writable, display_path, write_file
from cartwheel.load import story
from cartwheel.load.consistency_text import consistency_sentences
from cartwheel.load.expectations import Outcome
from cartwheel.load.figures_text import format_failures
from cartwheel.load.report import to_html, to_json
from cartwheel.load.session import Session
from cartwheel.load.view import clock
from cartwheel.printing import print_wrapped
from loadtest.statistics import TIMEOUT
from loadtest.table import table


@dataclass(frozen=True)
class Files:
    """Where the figures and the report are written to, if anywhere."""

    json: Path | None
    html: Path | None

    def check(self) -> None:
        """Now, not after the load. Raises `UsageError`."""
        for path in filter(None, (self.json, self.html)):
            check_writable(path)

    def write(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Raises `UsageError`."""
        if session.total is None:
            return
        if self.json is not None:
            _write(self.json, to_json(session, outcomes))
        if self.html is not None:
            _write(self.html, to_html(session, outcomes))


def _write(path: Path, text: str) -> None:
    """Raises `UsageError`."""
    write_file(path, text)
    print_wrapped(f"Written: {display_path(path.absolute())}")


def conclude(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Print what the load has shown."""
    total = session.total
    if total is None:
        print_wrapped("The load had not begun.")
        return
    typer.echo(table(total))
    if total.failures:
        print_wrapped(f"✗ failed: {format_failures(total.failures)}.")
    if total.rejections:
        print_wrapped(f"! rejected: {format_failures(total.rejections)}.")
    if total.missed:
        print_wrapped(
            f"✗ {total.missed} requests were due and not sent: all shoppers waited, or this "
            f"machine was too busy. They count as {TIMEOUT:.0f} s."
        )
    for outage in session.outages:
        print_wrapped(f"✗ no response for {outage.seconds:.0f} s from {clock(outage.start)} on.")
    for sentence in story.conclusion(session):
        print_wrapped(sentence)
    for sentence in consistency_sentences(session.consistency):
        print_wrapped(sentence)
    for outcome in outcomes:
        sign = "✓" if outcome.is_met else "✗"
        print_wrapped(f"{sign} {outcome.expectation}: {outcome.found}")
