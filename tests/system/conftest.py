"""Only one test of this folder loads the machine at a time; failures show the shop's words."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.system.shop import RunningShop


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    # Two heavy tests at once on two cores would judge one another's load, not the shop.
    # As the largest group they come first, and the other worker does the rest meanwhile.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the shop said when a test of it fails."""
    report = yield
    shops = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, RunningShop)]
    if report.failed:
        report.sections += [("the shop", shop.told()) for shop in shops]
    return report
