"""Every exhibit shows its phenomenon, and its remedy mends it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartwheel.errors import UsageError
from cartwheel.simulation.museum.command import commands
from cartwheel.simulation.museum.exhibit import exhibits, play

PAGE = Path(__file__).parents[2] / "docs/autoscaling/museum.md"
REMEDIED = [name for name, one in exhibits().items() if one.remedy]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def counts(name: str, *, with_remedy: bool = False) -> list[int]:
    return [seen.after for seen in play(exhibits()[name], with_remedy=with_remedy)]


@pytest.mark.parametrize("name", exhibits())
def test_the_phenomenon_appears(name: str) -> None:
    assert counts(name) == list(exhibits()[name].counts)


@pytest.mark.parametrize("name", REMEDIED)
def test_the_remedy_changes_it(name: str) -> None:
    remedied = list(exhibits()[name].remedied)
    assert counts(name, with_remedy=True) == remedied != list(exhibits()[name].counts)


@pytest.mark.parametrize("name", exhibits())
def test_the_command_says_what_why_and_the_way_out(name: str) -> None:
    shown = " ".join(run(name).split())
    exhibit = exhibits()[name]
    for text in (exhibit.title, exhibit.sees, exhibit.why, exhibit.way_out, *exhibit.issues):
        assert " ".join(text.split()) in shown


def test_without_a_name_there_is_a_list() -> None:
    lines = run().splitlines()
    assert [line.split()[0] for line in lines[: len(exhibits())]] == list(exhibits())


def test_json_is_what_happened() -> None:
    assert [one["after"] for one in json.loads(run("rollout-surge", "--json"))] == [5, 6, 6, 6]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="choose rollout-surge"):
        run("mona-lisa")


def test_the_page_lists_all_of_them() -> None:
    page = PAGE.read_text()
    for exhibit in exhibits().values():
        assert f"## {exhibit.title}\n" in page
        assert f"`cartwheel museum {exhibit.name}`" in page
        for issue in exhibit.issues:
            repository, _, number = issue.partition("#")
            assert f"https://github.com/{repository}/issues/{number}" in page
