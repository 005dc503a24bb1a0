"""The log files of replicas are bounded, and errors in them are reported."""

import asyncio
from pathlib import Path

import pytest

from cartwheel.local import replica_log
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.topology import MAX_REPLICAS


async def copy(log: ReplicaLog, *chunks: bytes) -> None:
    reader = asyncio.StreamReader()
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    await log.copy_from(reader)


async def test_the_file_never_grows_past_its_limit_and_one_older_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_log, "MAX_FILE_SIZE", 100_000)
    log = ReplicaLog(tmp_path / "cart-1.log", on_error=print, emit=print)
    await copy(log, *[b"x" * 999 + b"\n"] * 500)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert set(sizes) == {"cart-1.log", "cart-1.log.1"}
    assert max(sizes.values()) <= 100_000


async def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    errors: list[str] = []
    log = ReplicaLog(tmp_path / "cart-1.log", on_error=errors.append, emit=print)
    await copy(log, b"{" + b"x" * 1_000_000, b'\n{"level": "error", "event": "late"}\n')
    assert errors == ["late"]


async def test_lines_that_only_mention_an_error_are_not_errors(tmp_path: Path) -> None:
    errors: list[str] = []
    log = ReplicaLog(tmp_path / "cart-1.log", on_error=errors.append, emit=print)
    await copy(log, b'{"level": "info", "event": "an \\"error\\" page was asked for"}\n')
    await copy(log, b'{"level": "info", "kind": "error"}\n{"error": broken\nplain words\n')
    assert errors == []
    assert list(log.tail) == ["plain words"]


async def test_of_a_traceback_the_last_line_is_reported(tmp_path: Path) -> None:
    errors: list[str] = []
    log = ReplicaLog(tmp_path / "cart-1.log", on_error=errors.append, emit=print)
    traceback = r"Traceback (most recent call last):\n  File ...\nKeyError: 'wheel'\n"
    await copy(log, f'{{"level": "error", "event": "{traceback}"}}\n'.encode())
    assert errors == ["KeyError: 'wheel'"]


async def test_only_the_newest_files_of_a_service_are_kept(tmp_path: Path) -> None:
    for number in range(2 * replica_log.MAX_FILES):
        (tmp_path / f"cart-{number}.log").touch()
    await copy(ReplicaLog(tmp_path / "cart-new.log", on_error=print, emit=print), b"new\n")
    kept = {file.name for file in tmp_path.iterdir()}
    assert len(kept) == replica_log.MAX_FILES
    assert "cart-new.log" in kept


async def test_a_log_that_is_opened_again_takes_no_other_away(tmp_path: Path) -> None:
    names = {f"cart-{number}.log" for number in range(2 * replica_log.MAX_FILES)}
    for name in names:
        (tmp_path / name).touch()
    await copy(ReplicaLog(tmp_path / "cart-7.log", on_error=print, emit=print), b"again\n")
    assert {file.name for file in tmp_path.iterdir()} == names


async def test_of_as_many_replicas_as_there_may_be_each_keeps_its_log(tmp_path: Path) -> None:
    replicas = {f"cart-{number}" for number in range(MAX_REPLICAS)}
    for name in replicas:
        await copy(ReplicaLog(tmp_path / f"{name}.log", on_error=print, emit=print), b"a line\n")
    assert {file.stem for file in tmp_path.iterdir()} == replicas
