"""`python -m cartwheel.consistency`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cartwheel.consistency import Books
from cartwheel.consistency.__main__ import main
from cartwheel.consistency.report import operation_as_json
from loadtest.history import Operation
from tests.consistency.simulated_shop import soak


def write(folder: Path, history: Sequence[Operation], books: Books) -> list[str]:
    lines = [json.dumps(operation_as_json(each)) + "\n" for each in history]
    (folder / "history.jsonl").write_text("".join(lines))
    (folder / "books.json").write_text(json.dumps(books.as_json()))
    return [str(folder / "history.jsonl"), "--books", str(folder / "books.json")]


def test_a_correct_history_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(write(tmp_path, *soak(3))) == 0
    assert capsys.readouterr().out.endswith("No violation found.\n")


def test_a_violation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history, books = soak(3)
    arguments = write(tmp_path, history, replace(books, orders=[]))
    assert main([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["passed"]
    (lost, *_) = (each for each in document["findings"] if each["check"] == "one-order-per-key")
    assert lost["sentence"].endswith("is not in the books.")
    assert lost["operations"][0]["call"] == "place"


def test_without_books_only_the_responses_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, *_ = write(tmp_path, *soak(3))
    assert main([path]) == 0
    assert capsys.readouterr().out.endswith("in the responses; the stores were not read.\n")
    assert main([path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["books"] is False


def test_a_history_without_acknowledged_operations_has_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(write(tmp_path, [], Books())) == 1
    assert "Nothing was checked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("history.jsonl", "no json\n"),
        ("history.jsonl", "[" * 100_000 + "\n"),
        ("books.json", "no json"),
        ("books.json", "\udcff"),
        ("books.json", "{}"),
        ("books.json", '{"stock": [], "orders": null, "payments": null, "carts": {}}'),
        ("books.json", '{"stock": {"A": {"start": 1}}, "orders": [], "payments": [], "carts": {}}'),
        ("books.json", "[" * 100_000),
    ],
    ids=range(8),
)
def test_an_unreadable_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    arguments = write(tmp_path, *soak(3))
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert name in error
    assert error.count("\n") == 1
