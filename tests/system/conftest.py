"""Runs the tests of this folder one at a time; a failure shows the output of the shop."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.system.shop import RunningShop


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    # Two heavy tests in parallel on two cores would measure each other's load. As the largest
    # group they start first, on one worker; the others run the rest.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the output of the shop when a test of it fails."""
    report = yield
    shops = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, RunningShop)]
    if report.failed:
        report.sections += [("the shop", shop.all_output()) for shop in shops]
    return report
