"""The file of a history."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from loadtest.history import HistoryWriter, InvalidHistory, Operation, Outcome, read_history

ADD = Operation(
    client=1,
    object="cart/ann",
    call="add",
    input={"sku": "TOY-1", "quantity": 2},
    output={"version": 1, "lines": {"TOY-1": 2}},
    outcome=Outcome.OK,
    called_at=10.5,
    returned_at=10.625,
)
READ = Operation(2, "stock/TOY-1", "read", {}, {"problem": "timeout"}, Outcome.UNKNOWN, 11.0, 21.0)


def written(path: Path) -> Path:
    with HistoryWriter(path) as history:
        history.write(ADD)
        history.write(READ)
    return path


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert list(read_history(written(tmp_path / "history"))) == [ADD, READ]


def test_each_operation_is_in_the_file_before_the_next_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with HistoryWriter(path) as history:
        history.write(ADD)
        assert list(read_history(path)) == [ADD]


def test_an_unfinished_last_line_is_skipped(tmp_path: Path) -> None:
    path = written(tmp_path / "history")
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read_history(path)) == [ADD]


FULL_DISK = Path("/dev/full")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="there is no device that is always full")
def test_a_file_that_cannot_be_written_is_a_problem_and_no_error() -> None:
    with HistoryWriter(FULL_DISK) as history:
        history.write(ADD)
        assert history.problem == "/dev/full could not be written (No space left on device)."
        history.write(READ)


def changed(**members: object) -> bytes:
    return json.dumps(asdict(ADD) | members).encode()


@pytest.mark.parametrize(
    "line",
    [
        *(b"{}", b"[]", b"null", b"nonsense", b"\xff\xfe", b"[" * 100_000),
        changed(client="1"),
        changed(object=7),
        changed(object="kart/ann"),
        changed(object="cart/"),
        changed(object="order/ann", call="read", input={}, output={}),
        changed(call="foo"),
        changed(input=None),
        changed(input={"quantity": 2}),
        changed(input={"sku": "TOY-1", "quantity": "2"}),
        changed(output={"version": "x"}),
        changed(output={"lines": {"TOY-1": None}}),
        changed(object="stock/TOY-1", call="read", output={}),
        changed(object="stock/TOY-1", call="read", output={"available": None}),
        changed(outcome="maybe"),
        changed(called_at="a"),
        changed(called_at=float("nan")),
        changed(called_at=11.0),
    ],
)
def test_a_line_that_is_no_operation_is_named(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path / "history")
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(InvalidHistory, match=f"line 3 of {path} is no operation"):
        list(read_history(path))
