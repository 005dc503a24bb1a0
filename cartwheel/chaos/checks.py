"""The checks of what all shoppers and probes of a run have seen."""

from pathlib import Path

from cartwheel.consistency import Books, Report, check
from loadtest.history import read_history


def check_histories(folder: Path) -> Report:
    """Check the histories that were written to this folder, together."""
    operations = [one for file in sorted(folder.glob("*.jsonl")) for one in read_history(file)]
    operations.sort(key=lambda one: one.returned_at)
    return check(operations, Books())
