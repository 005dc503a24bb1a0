"""What a page names is there: a page that the code has left behind fails with its line."""

from collections.abc import Iterable

import pytest

from tests.docs import checks
from tests.docs.pages import Page, all_pages

EACH_PAGE = pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.path)


def expect_none(problems: Iterable[str]) -> None:
    found = "\n".join(problems)
    assert not found, f"\n{found}"


@EACH_PAGE
def test_links_lead_to_files_and_headings(page: Page) -> None:
    expect_none(checks.check_links(page))


@EACH_PAGE
def test_paths_and_modules_exist(page: Page) -> None:
    expect_none(checks.check_paths(page))


@EACH_PAGE
def test_settings_are_read_by_something_and_have_these_defaults(page: Page) -> None:
    expect_none(checks.check_settings(page))


@EACH_PAGE
def test_routes_are_served(page: Page) -> None:
    expect_none(checks.check_routes(page))


@EACH_PAGE
def test_problem_types_are_those_of_errors(page: Page) -> None:
    expect_none(checks.check_problems(page))


@EACH_PAGE
def test_metrics_are_published(page: Page) -> None:
    expect_none(checks.check_metrics(page))


@EACH_PAGE
def test_alerts_are_defined(page: Page) -> None:
    expect_none(checks.check_alerts(page))


@EACH_PAGE
def test_commands_can_be_typed(page: Page) -> None:
    expect_none(checks.check_commands(page))


@EACH_PAGE
def test_names_of_code_occur_in_the_code(page: Page) -> None:
    expect_none(checks.check_names(page))


def test_pages_that_the_code_names_exist() -> None:
    expect_none(checks.check_mentions_in_code())
