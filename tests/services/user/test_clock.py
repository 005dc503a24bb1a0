"""Accounts and tokens carry the store's time, whatever the replica believes."""

from datetime import UTC, datetime

import pytest

from app.settings import load
from app.stores.clock import machine_clock
from app.stores.migrations import migrate
from services.user.main import build
from services.user.settings import UserSettings
from tests.services.user.people import claims_of
from tests.support.asgi import running
from tests.support.clock_skew import skewed_clock

MINUTE = 60_000
"""Milliseconds."""


@pytest.mark.fault(32, store="postgres")
@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
async def test_a_replica_whose_clock_is_ahead_writes_the_stores_time(store_url: str) -> None:
    await migrate("services.user", store_url)
    right = machine_clock()
    account = {"email": "ada@shop.example", "password": "the analytical engine", "name": "Ada"}
    with skewed_clock():
        async with running(
            build(
                load(
                    UserSettings, store_url=store_url, service_tokens="a-service-token-of-the-tests"
                )
            )
        ) as client:
            registered = await client.post("/v1/users", json=account)
            guest = await client.post("/v1/guests")
    created_at = datetime.fromisoformat(registered.json()["created_at"])
    assert abs(created_at - datetime.fromtimestamp(right / 1000, UTC)).total_seconds() < 60
    assert abs(claims_of(guest.json())["iat"] * 1000 - right) < MINUTE
