"""Postgres is restarted, fails over, loses conflicts and has no space left."""

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.faults.real_stores import SQL_SERVICES, RealShop, read_sql, run_sql
from tests.faults.writes import Writes, order_ids
from tests.support.waiting import until

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("real stores")]

RECOVERED_WITHIN = 3.0
FAILED_OVER_WITHIN = 10.0
"""Seconds, with the promotion of the standby, which is the longer part of it."""


@pytest.fixture
def writes(real_shop: RealShop) -> Writes:
    return Writes(real_shop.services)


@pytest.mark.fault(8, store="postgres")
async def test_each_service_is_back_soon_after_postgres_crashed_and_restarted(
    real_shop: RealShop, writes: Writes, figure: Callable[..., None]
) -> None:
    def is_ready(service: str) -> bool:
        return shop.request(service, "GET", "/readyz").status_code == 200

    shop, server = real_shop.services, real_shop.postgres.primary
    await asyncio.to_thread(server.stop, mode="immediate")
    try:
        for service in SQL_SERVICES:
            refused = await asyncio.to_thread(writes.to, service)
            assert refused.status_code == 503, service
            assert refused.headers["retry-after"]
            await until(lambda service=service: not is_ready(service), within=2)
            assert shop.request(service, "GET", "/livez").status_code == 200
    finally:
        await asyncio.to_thread(server.start)
    seconds = await asyncio.gather(*map(writes.seconds_until_accepted, SQL_SERVICES))

    for service, taken in zip(SQL_SERVICES, seconds, strict=True):
        figure("{} writes {:.2f} s after the restart", service, taken)
        assert taken <= RECOVERED_WITHIN
        await until(lambda service=service: is_ready(service), within=RECOVERED_WITHIN)


@pytest.mark.fault(9, store="postgres")
async def test_after_a_failover_every_acknowledged_order_is_at_the_new_primary(
    real_shop: RealShop, writes: Writes, figure: Callable[..., None]
) -> None:
    standby = await real_shop.postgres.attach_standby()
    acknowledged: set[str] = set()
    shoppers = [writes.person]
    finished = asyncio.Event()

    async def keep_ordering() -> None:
        while not finished.is_set():
            response = await asyncio.to_thread(writes.order)
            assert response.status_code in (201, 202, 409, 503), response.text
            if response.status_code == 201:
                acknowledged.add(response.json()["id"])
                await asyncio.to_thread(writes.fill_cart)
            elif response.status_code in (202, 409):
                # The outage interrupted the checkout: the sweeper will finish it.
                await asyncio.to_thread(writes.change_shopper)
                shoppers.append(writes.person)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_ordering())
        await _grown(acknowledged, by=20)
        started = time.monotonic()
        await real_shop.postgres.fail_over_to(standby)
        await _grown(acknowledged, by=1)
        seconds = time.monotonic() - started
        await _grown(acknowledged, by=20)
        finished.set()

    found = set().union(*(order_ids(real_shop.services, shopper) for shopper in shoppers))
    assert acknowledged <= found
    figure(
        "orders {:.2f} s after the primary ended; {} acknowledged, none lost",
        seconds,
        len(acknowledged),
    )
    assert seconds <= FAILED_OVER_WITHIN


async def _grown(orders: set[str], *, by: int) -> None:
    wanted = len(orders) + by
    async with asyncio.timeout(30):
        while len(orders) < wanted:  # noqa: ASYNC110 – counted by another task
            await asyncio.sleep(0.01)


LOSE = """
CREATE SEQUENCE lost_conflicts;
CREATE FUNCTION lose_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence counts on when the transaction is rolled back.
    IF nextval('lost_conflicts') <= {times} THEN
        RAISE EXCEPTION 'lost' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lose_conflict BEFORE INSERT ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION lose_conflict();
"""
WIN = """
DROP TRIGGER lose_conflict ON {table};
DROP FUNCTION lose_conflict;
DROP SEQUENCE lost_conflicts;
"""
TABLES = {"products": "reservations", "user": "sessions", "tracking": "orders"}


@pytest.mark.fault(11, store="postgres")
@pytest.mark.parametrize("service", TABLES)
@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.parametrize(("times", "accepted"), [(2, True), (1_000_000, False)])
async def test_a_conflict_is_tried_three_times_before_it_is_refused(
    real_shop: RealShop, writes: Writes, service: str, state: str, times: int, accepted: bool
) -> None:
    database = real_shop.postgres.url(service)
    table = TABLES[service]
    await run_sql(database, LOSE.format(times=times, state=state, table=table))
    try:
        response = await asyncio.to_thread(writes.to, service)
        tried = await read_sql(database, "SELECT last_value FROM lost_conflicts")
    finally:
        await run_sql(database, WIN.format(table=table))

    assert tried == 3
    if accepted:
        assert response.status_code in (200, 201)
    else:
        assert response.status_code == 503
        assert response.headers["retry-after"]
    assert (await asyncio.to_thread(writes.to, service)).is_success
