"""The files that commands write: all of their content, or what was there before."""

import os
from pathlib import Path

import pytest

from cartwheel.errors import UsageError
from cartwheel.invocation import check_writable, replacing, write_file
from tests.recording.test_recording import no_larger_files_than

FULL = "x" * 100_000


def test_on_a_full_disk_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_file(path, "the earlier one")

    with no_larger_files_than(1000), pytest.raises(UsageError, match="cannot be written"):
        write_file(path, FULL)

    assert path.read_text() == "the earlier one"
    assert list(tmp_path.iterdir()) == [path]


def test_of_work_that_fails_in_the_middle_no_part_remains(tmp_path: Path) -> None:
    def fail_in_the_middle() -> None:
        with replacing(tmp_path / "session.jsonl") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()

    assert list(tmp_path.iterdir()) == []


def test_a_link_still_leads_to_the_file_and_the_file_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    write_file(file, "old")
    file.chmod(0o600)
    link.symlink_to(file)

    check_writable(link)
    write_file(link, "new")

    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o600)


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    check_writable(pipe)
    write_file(pipe, "text")

    assert os.read(reader, 10) == b"text"
    os.close(reader)


@pytest.mark.parametrize("name", ["folder", "none/file"])
def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match="cannot be written"):
        check_writable(tmp_path / name)

    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_what_is_read_is_not_written_by_any_name(tmp_path: Path) -> None:
    read, link = tmp_path / "read", tmp_path / "link"
    read.write_text("what is read")
    link.symlink_to(read)

    for name in (read, link, tmp_path / "." / "read"):
        with pytest.raises(UsageError, match="is read: name another file"):
            check_writable(name, inputs=[tmp_path / "none", read])
