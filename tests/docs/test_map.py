"""README's map: what it sends a reader to look for is in the file it names."""

import re

import pytest

from tests.docs.facts import files
from tests.docs.pages import ROOT

ASKED_MOST = (
    "an endpoint, or the place for a new one",
    "the price rule of an order",
    "the retry budget",
    "the HPA",
    "a dashboard panel",
)


def _map() -> dict[str, tuple[str, str]]:
    """Question → file and what to look for there."""
    section = (ROOT / "README.md").read_text().partition("| where is … | file | look for |\n")[2]
    rows = section.partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]
    return {question: (file, text) for question, file, text in cells}


@pytest.mark.parametrize("question", _map())
def test_the_file_holds_what_was_asked_for(question: str) -> None:
    file, text = _map()[question]
    assert text in (ROOT / file).read_text()


@pytest.mark.parametrize("question", ASKED_MOST)
def test_what_is_asked_most_is_on_the_map(question: str) -> None:
    assert question in _map()


def test_every_folder_is_on_the_map() -> None:
    page = (ROOT / "README.md").read_text()
    folders = {name for name in files() if name.count("/") == 1 and name.endswith("/")}
    assert {folder for folder in folders if f"| `{folder}` |" not in page} == set()


def test_every_room_of_the_library_is_in_the_architecture() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.partition("## The library, `app/`")[2].partition("\n## ")[0]
    rooms = {name for name in files() if re.fullmatch(r"app/([a-z_]+/|[a-z]+\.py)", name)}
    assert {room for room in rooms if f"`{room.removeprefix('app/')}" not in table} == set()
