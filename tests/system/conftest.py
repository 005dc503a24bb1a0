"""Only one module of this folder loads the machine at a time; failures show the shop's words."""

import fcntl
from collections.abc import Generator, Iterator

import pytest

from tests.system.shop import RunningShop


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
