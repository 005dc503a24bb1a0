"""`cartwheel export`: a session as a file, and as a page."""

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from cartwheel.console.history.store import HistoryStore
from cartwheel.console.sessions.page import session_page
from cartwheel.console.sessions.recorded_session import RecordedSession
from cartwheel.console.sessions.session_file import file_name, session_lines
from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import (
    check_writable,
    display_path,
    program_name,
    replacing,
    write_file,
)
from cartwheel.printing import print_wrapped
from cartwheel.recording.recorder import earlier_file

if TYPE_CHECKING:
    from cartwheel.local.state_folder import StateFolder

commands = typer.Typer()

MINUTES = 15.0
MAX_MINUTES = 24 * 60.0


@commands.command()
def export(
    file: Annotated[
        Path | None,
        typer.Argument(help="A saved session; without it, the last minutes of the shop here."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page that needs no server (FILE.html of a FILE).")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What the page says the session is.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=MAX_MINUTES, help=f"Without FILE: how many ({MINUTES:g})."),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Save a session of the shop as one file, or as one page."""
    if file is None:
        _export_running(html, title, minutes or MINUTES, state_dir)
        return
    if minutes is not None or state_dir is not None:
        raise UsageError("--minutes and --state-dir are for the shop here: leave out FILE.")
    _write_page(file, html or file.with_suffix(".html"), title)


def _export_running(
    html: Path | None, title: str | None, minutes: float, state_dir: Path | None
) -> None:
    state = _state_folder(state_dir)
    if html is not None:
        read = [state.console_history, state.recording, earlier_file(state.recording)]
        check_writable(html, inputs=read)
        with TemporaryDirectory() as folder:
            saved = _save(state, Path(folder), minutes)
            _write_page(saved, html, title)
        return
    if title is not None:
        raise UsageError("--title is of a page: add --html PAGE.html.")
    saved = _save(state, Path.cwd(), minutes)
    name = display_path(saved)
    print_wrapped(
        f"Written: {name}\n"
        f"Try next: {program_name()} console {name}, "
        f"or as a page: {program_name()} export {name}"
    )


def _state_folder(path: Path | None) -> "StateFolder":
    try:
        # Imported here: it comes with the shop, which a FILE does not need.
        from cartwheel.local.settings import load_local_settings
        from cartwheel.local.state_folder import StateFolder
    except ModuleNotFoundError:
        raise UsageError("The shop is not installed here: name the FILE of a session.") from None
    return StateFolder.at(load_local_settings(state_dir=path).state_dir)


def _save(state: "StateFolder", folder: Path, minutes: float) -> Path:
    """The last minutes of what was recorded. Raises `CommandError`."""
    if not state.console_history.exists():
        raise CommandError(
            f"Nothing has been recorded in {display_path(state.root)}: the console records while "
            "the shop runs. A file of a session is exported with: export FILE"
        )
    try:
        store = HistoryStore(state.console_history, is_read_only=True)
        return _save_from(store, state.recording, folder, minutes)
    except sqlite3.Error as error:
        name = display_path(state.console_history)
        raise CommandError(f"{name} cannot be read ({error}).") from None


def _save_from(store: HistoryStore, recording: Path, folder: Path, minutes: float) -> Path:
    span = store.span()
    if span is None:
        raise CommandError("The console has recorded nothing yet: try again in a moment.")
    end = min(span[1], time.time())
    start = max(span[0], end - minutes * 60)
    path = folder / file_name(start)
    check_writable(path)
    with closing(store), replacing(path) as file:
        file.writelines(session_lines(store, recording, start=start, end=end))
    return path


def _write_page(file: Path, html: Path, title: str | None) -> None:
    check_writable(html, inputs=[file, earlier_file(file)])
    with RecordedSession(file) as recorded:
        start, end = recorded.span()
        if title is None:
            title = f"{datetime.fromtimestamp(start).astimezone():%d %b %Y, %H:%M}"
        page = session_page(recorded, title=title)
    write_file(html, page.text)
    lines = [
        f"Written: {display_path(html)} ({len(page.text.encode()) / 1000:,.0f} KB, "
        f"{(end - start) / 60:.1f} minutes, {page.embedding.frames} frames)"
    ]
    if page.embedding.spacing is not None:
        lines.append(f"So that it stays small it has one frame in {page.embedding.spacing:.0f} s.")
    print_wrapped("\n".join(lines))
