"""The shops that fault tests share. Tests of one shop run on one worker, one after the other."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.faults.real_stores import RealShop, running_real_shop


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """A test of this folder that shows no row runs with the others, too."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents
        if is_here and item.get_closest_marker("fault") is None:
            item.add_marker(pytest.mark.fault())


@pytest.fixture(scope="session")
async def real_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealShop]:
    """The shop on Valkey and Postgres; its tests are in the group `real stores`."""
    async with running_real_shop(tmp_path_factory.mktemp("real-shop")) as shop:
        yield shop
