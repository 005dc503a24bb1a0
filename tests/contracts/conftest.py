"""Two shops for the tests that compare compiled routes with FastAPI's own way."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.same_answers import TwoShops, two_running_shops


@pytest.fixture(scope="session")
def two_shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoShops]:
    """One pair a worker. Whatever a test changes, it changes in both."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            two_running_shops(tmp_path_factory.mktemp("two-shops"))
        ) as shops,
    ):
        yield shops
