"""The shops that fault tests share. Tests of one shop run on one worker, one after the other."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.real_stores import RealShop, running_real_shop


@pytest.fixture(scope="session")
async def real_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealShop]:
    """The shop on Valkey and Postgres; its tests are in the group `real stores`."""
    async with running_real_shop(tmp_path_factory.mktemp("real-shop")) as shop:
        yield shop
