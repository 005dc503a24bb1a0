"""What is printed and written when a soak has ended."""

from dataclasses import dataclass
from pathlib import Path

import typer

from cartwheel.chaos.soak.costs import costs_of, undisturbed
from cartwheel.chaos.soak.report import to_html, to_json
from cartwheel.chaos.soak.session import MAX_MEMORY_GROWTH, Soak
from cartwheel.invocation import check_writable, display_path, write_file
from cartwheel.printing import print_wrapped
from loadtest.table import table

MAX_FINDINGS = 20
"""Printed; the report and the JSON have more."""


@dataclass(frozen=True)
class Files:
    """Where the report and the figures are written to, if anywhere."""

    html: Path | None
    json: Path | None

    def check(self) -> None:
        """Now, not after the soak. Raises `UsageError`."""
        for path in filter(None, (self.html, self.json)):
            check_writable(path)

    def write(self, soak: Soak) -> None:
        """Raises `UsageError`."""
        if self.html is not None:
            _write(self.html, to_html(soak))
        if self.json is not None:
            _write(self.json, to_json(soak))


def conclude(soak: Soak) -> None:
    """Print what the soak has shown."""
    if soak.total is not None:
        typer.echo(table(soak.total))
        if soak.total.missed:
            print_wrapped(
                f"! {soak.total.missed} requests were due and not sent: all shoppers waited, or "
                "this machine cannot send so many."
            )
    for name, seconds in undisturbed(soak, costs_of(soak)).items():
        if failed := sum(one.failed for one in seconds):
            print_wrapped(f"! {failed} requests failed {name}.")
    for problem in soak.problems:
        print_wrapped(f"✗ {problem}")
    if soak.memory_growth is not None:
        sign = "✓" if soak.memory_growth <= MAX_MEMORY_GROWTH else "!"
        print_wrapped(
            f"{sign} memory of all services: × {soak.memory_growth:.2f} "
            f"(at most × {MAX_MEMORY_GROWTH} is expected)"
        )
    for sentence in _sentences(soak):
        print_wrapped(sentence)
    print_wrapped(f"To repeat it: {soak.plan.command}")


def _sentences(soak: Soak) -> list[str]:
    """Of the checks; of very many findings the first ones."""
    if soak.report is None:
        return ["✗ The checks did not run."]
    sentences = soak.report.sentences
    excess = len(soak.report.findings) - MAX_FINDINGS
    if excess <= 0:
        return sentences
    first = len(sentences) - 1 - len(soak.report.undecided) - excess
    return [*sentences[:first], f"… and {excess:,} more.", *sentences[first + excess :]]


def _write(path: Path, text: str) -> None:
    """Raises `UsageError`."""
    write_file(path, text)
    print_wrapped(f"Written: {display_path(path.absolute())}")
