"""README's map: what it sends a reader to look for is in the file it names."""

import json
import re

import pytest

from tests.docs.facts import files, rules
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


def test_the_guide_has_every_dashboard_and_every_alert() -> None:
    page = (ROOT / "docs/guide/3-run-and-scale.md").read_text()
    files_of_grafana = (ROOT / "monitoring/grafana/dashboards").glob("*.json")
    dashboards = {json.loads(file.read_text())["title"] for file in files_of_grafana}
    assert {title for title in dashboards if f"- **{title}**" not in page} == set()
    assert {alert for alert in rules("alert") if f"`{alert}`" not in page} == set()
