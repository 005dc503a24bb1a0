"""The SQLite file of the history: opened, or begun anew if it is damaged."""

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

VERSION = 1
"""Of the tables. A file of another version is left alone: another process may be writing it."""
BUSY_TIMEOUT = 2.0
"""Seconds that one process waits for the other."""
MAX_PAGES = 64 * 1024**2 // 4096
MAX_LOG_SIZE = 4 * 1024**2  # bytes
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS frames (
  second INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  arrivals REAL, capacity REAL, value REAL, target REAL,
  desired INTEGER, ready INTEGER, serving INTEGER, p95 REAL,
  frame BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (
  at REAL, kind TEXT, title TEXT, detail TEXT NOT NULL, PRIMARY KEY (at, kind, title)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, and no later try can succeed."""
    return _code(error) in _DAMAGED


def is_full(error: sqlite3.Error) -> bool:
    """Whether the file has reached its largest size, or the disk is full."""
    return _code(error) == sqlite3.SQLITE_FULL


def damage(reason: str) -> sqlite3.Error:
    """The error of a file whose content is wrong."""
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, for one thread at a time. A damaged one is set aside.

    Raises `sqlite3.Error` if there can be none now.
    """
    try:
        return _open(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        reason = str(error)
    try:
        set_aside(path, reason)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror or str(error)) from None
    return _open(path)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file as it is, also while another process writes it. Raises `sqlite3.Error`."""
    return _connection(f"{path.absolute().as_uri()}?mode=ro", _check)


def set_aside(path: Path, reason: str) -> None:
    """Rename a file that cannot be used, so that a new one can begin."""
    aside = path.with_name(f"{path.name}.damaged")
    logger.warning(
        "The history in %s cannot be read (%s): it is now %s, and a new one begins.",
        path,
        reason,
        aside.name,
    )
    _with_suffix(path, "-shm").unlink(missing_ok=True)
    # First: a new file must not find the log of another one.
    log = _with_suffix(path, "-wal")
    if log.exists():
        log.replace(_with_suffix(aside, "-wal"))
    else:
        _with_suffix(aside, "-wal").unlink(missing_ok=True)
    path.replace(aside)


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _open(path: Path) -> sqlite3.Connection:
    try:
        # SQLite would let others read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror or str(error)) from None
    return _connection(path.absolute().as_uri(), _prepare)


def _connection(uri: str, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    if version != 0:
        _check_version(version)
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit survives the end of a process; the last seconds before a power cut may be lost.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {MAX_LOG_SIZE}")
    connection.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
    if version == 0:
        connection.executescript(SCHEMA)
    _check_pages(connection)


def _check(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    if version == 0:
        raise sqlite3.OperationalError("nothing has been written to it yet")
    _check_version(version)
    _check_pages(connection)


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _check_version(version: int) -> None:
    if version != VERSION:
        raise sqlite3.OperationalError(
            f"another version of Cartwheel wrote it, {version} instead of {VERSION}: "
            "to begin a new one, stop that console and move the file away"
        )


def _check_pages(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise damage(found)


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
