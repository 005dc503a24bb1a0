"""A storefront in this process, and somebody with a browser in front of it."""

from collections.abc import AsyncIterator

import pytest

from services.storefront.main import build
from services.storefront.settings import StorefrontSettings
from tests.services.storefront.browser import Browser
from tests.services.storefront.fake_upstreams import FakeUpstreams, product
from tests.support.asgi import running


def settings(**changes: object) -> StorefrontSettings:
    values = {
        f"{name}_url": f"http://{name}:8000" for name in ("products", "cart", "user", "tracking")
    }
    # The timeouts are those of production: a busy machine may stop a test for a second.
    return StorefrontSettings(**(values | {"service_tokens": ("a token",)} | changes))


@pytest.fixture(autouse=True)
def _upstreams_that_are_down_are_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No new replica of one ever comes in these tests, so nothing is gained by looking for it."""
    monkeypatch.setattr("app.client.retry.REDISCOVERY_SECONDS", 0.1)


@pytest.fixture
def upstreams() -> FakeUpstreams:
    upstreams = FakeUpstreams()
    upstreams.stock(
        product("BIKE-1", price=1999, name="Fixed wheel"),
        product("SKATE-1", price=4900, name="Longboard", category="skates"),
    )
    return upstreams


@pytest.fixture
async def browser(upstreams: FakeUpstreams) -> AsyncIterator[Browser]:
    async with running(build(settings(), transports=upstreams.transports)) as client:
        yield Browser(client)
