"""Only one module of this folder loads the machine at a time; failures show the shop's words."""

import fcntl
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.system.shop import RunningShop

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these on one worker where pytest-xdist groups tests (``--dist loadgroup``)."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.fixture(scope="module", autouse=True)
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # Two heavy tests at once on two cores would judge one another's load, not the shop.
    with (tmp_path_factory.getbasetemp().parent / "system-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
