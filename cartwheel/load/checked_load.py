"""Runs a load, records its history, and checks that nothing was lost, doubled or oversold."""

import tempfile
from pathlib import Path

from app.stores.errors import StoreUnavailable
from cartwheel.books import Opening, closing_books, read_opening, with_unsettled
from cartwheel.consistency import Report, check, check_responses
from cartwheel.errors import CommandError
from cartwheel.load.local_run import LocalRun
from cartwheel.load.runner import run_load
from cartwheel.load.session import Session
from cartwheel.printing import print_wrapped
from loadtest.history import read_history


async def run_checked_load(session: Session, run: LocalRun | None, *, shoppers: int) -> None:
    """Run the load, and add to the session what its history shows. Raises `CommandError`.

    Only of a local run the books are known: what its stores hold before and after the load.
    """
    if run is None:
        print_wrapped("--check sees only the responses here, and not what the stores hold.")
    with tempfile.TemporaryDirectory(prefix="cartwheel-load-") as folder:
        history = Path(folder) / "history.jsonl"
        try:
            opening = await read_opening(run.stores) if run else None
        except StoreUnavailable as error:
            raise CommandError(f"--check: {error.detail}") from error
        await run_load(session, run, shoppers=shoppers, history=history)
        if session.total is not None:
            report = await _check(history, run, opening)
            session.consistency = with_unsettled(report, session.total.unsettled)


async def _check(path: Path, run: LocalRun | None, opening: Opening | None) -> Report:
    history = list(read_history(path))
    if run is None or opening is None:
        return check_responses(history)
    print_wrapped("The load has ended: reading the books and the history.")
    books = await closing_books(run.stores, opening, history)
    return check(history, books)  # in this thread, so that Ctrl-C ends it
