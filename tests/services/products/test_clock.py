"""Reservations end by the store's time, whatever the replica believes."""

from datetime import datetime

import pytest

from app.stores.clock import machine_clock
from services.products.main import build
from tests.services.products.conftest import SERVICE, settings_for
from tests.support.asgi import running
from tests.support.clock_skew import skewed_clock
from tests.support.identity import jwks_transport
from tests.support.shop import SKU
from tests.support.waiting import until

LIFETIME = 900
"""Seconds."""


@pytest.mark.fault(32, store="postgres")
@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
async def test_a_replica_whose_clock_is_ahead_reserves_for_no_longer_than_the_others(
    seeded_url: str,
) -> None:
    settings = settings_for(seeded_url, reservation_lifetime=LIFETIME)
    right = machine_clock() / 1000
    lines = {"lines": [{"sku": SKU, "quantity": 1}]}
    with skewed_clock():
        async with running(build(settings, transports={"user": jwks_transport()})) as client:

            async def is_ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            await until(is_ready)  # the store's clock is read by then, also on a busy machine
            response = await client.put("/v1/reservations/order_0001", json=lines, headers=SERVICE)
    assert response.status_code == 201, response.text
    ends_at = datetime.fromisoformat(response.json()["expires_at"]).timestamp()
    assert abs(ends_at - right - LIFETIME) < 60
