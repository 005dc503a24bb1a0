"""`python -m cartwheel.consistency HISTORY [--books FILE]`: check a recorded history.

Exit codes: 0 nothing was found and everything was decided, 1 not, or there was nothing to check,
2 wrong usage.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cartwheel.consistency import Books, check, check_responses
from loadtest.history import InvalidHistory, read_history


class InvalidBooks(ValueError):
    """The document of a file has not the form of books."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        history = list(read_history(options.history))
        books = None if options.books is None else _read_books(options.books)
    except (OSError, InvalidHistory, InvalidBooks) as error:
        return _refuse(str(error))
    report = check_responses(history) if books is None else check(history, books)
    text = json.dumps(report.as_json()) if options.json else "\n".join(report.sentences)
    sys.stdout.write(f"{text}\n")
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cartwheel.consistency",
        description="Check that nothing was lost, doubled or oversold in a recorded history.",
    )
    parser.add_argument("history", type=Path, help="JSON lines, as `python -m loadtest --history`")
    parser.add_argument("--books", type=Path, help="what the stores held at the end, as JSON")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _read_books(path: Path) -> Books:
    """Raises `OSError` and `InvalidBooks`."""
    try:
        return Books.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidBooks(f"{path} has no books: {error}") from error


def _refuse(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
