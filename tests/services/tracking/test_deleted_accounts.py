"""What is left in the orders of a deleted account."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from app.client import Upstream
from app.stores.database import Database
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics
from services.tracking.anonymiser import BATCH_SIZE, LAST_ORDER_AFTER, Anonymiser
from services.tracking.clients import DeletedAccount, UserClient
from services.tracking.deleted_owners import DeletedOwners
from services.tracking.metrics import OrderMetrics
from tests.services.tracking.backend import Backend, Shop, an_order, eventually, open_backend
from tests.services.tracking.fake_upstreams import SERVICE_TOKEN, down, problem
from tests.services.tracking.running_service import ADDRESS, RunningService, run_service
from tests.support.network import FakeNetwork

PERSONAL = [ADDRESS[part] for part in ("name", "line1", "city", "postal_code")]
QUICK: dict[str, Any] = {
    "deletions_seconds": 0.05,
    "courier_step_seconds": 0.05,
    "courier_rounds_seconds": 0.02,
}
TABLES = ("orders", "order_steps", "shipment_events", "payments", "deleted_owners")


async def everything_stored(shop: Shop) -> str:
    async with (
        Database(shop.url, metrics=Metrics("tests")) as database,
        database.reading("look") as connection,
    ):
        rows = [
            str(dict(row))
            for table in TABLES
            for row in await connection.rows(Statement(f"SELECT * FROM {table}"))
        ]
    return "\n".join(rows)


def is_anonymous(shop: Shop) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        stored = await everything_stored(shop)
        return not any(part in stored for part in PERSONAL)

    return is_so


async def delivered(service: RunningService, *, key: str = "key-1") -> dict[str, Any]:
    answer = await service.customer().check_out(key=key)

    async def is_delivered() -> bool:
        order = await service.customer().get(answer.headers["location"])
        return bool(order.json()["shipment"]["status"] == "delivered")

    await eventually(is_delivered)
    order: dict[str, Any] = (await service.customer().get(answer.headers["location"])).json()
    return order


async def test_a_delivered_order_loses_name_and_address_and_keeps_what_the_law_needs(
    shop: Shop,
) -> None:
    async with run_service(shop, **QUICK) as service:
        order = await delivered(service)
        assert not await is_anonymous(shop)()
        shop.user.deleted.append("user_ada")
        await eventually(is_anonymous(shop))
        left = (await service.customer().get(f"/v1/orders/{order['id']}")).json()
    assert left["address"]["country"] == "GB"
    assert {**left, "address": None} == {**order, "address": None}


async def test_a_cancelled_order_loses_name_and_address(shop: Shop) -> None:
    async with run_service(shop, **(QUICK | {"courier_step_seconds": 3600.0})) as service:
        answer = await service.customer().check_out()
        await service.customer().cancel(answer.json()["id"])
        shop.user.deleted.append("user_ada")
        await eventually(is_anonymous(shop))


async def test_an_open_order_keeps_its_address_until_it_is_delivered(shop: Shop) -> None:
    async with run_service(shop, **(QUICK | {"courier_step_seconds": 3600.0})) as service:
        await service.customer().check_out()
        shop.user.deleted.append("user_ada")
        await has_read_the_list(shop)
        assert not await is_anonymous(shop)()
    async with run_service(shop, **QUICK):
        await eventually(is_anonymous(shop))


async def test_an_order_made_with_a_token_that_outlived_its_account_is_found_too(
    shop: Shop,
) -> None:
    shop.user.deleted.append("user_ada")
    shop.user.deleted_at = datetime.now(UTC).isoformat()
    async with (
        run_service(shop, **QUICK) as service,
        Database(shop.url, metrics=Metrics("tests")) as database,
    ):
        await has_read_the_list(shop)
        await service.customer().check_out()
        await eventually(is_anonymous(shop))
        assert not await nothing_left_to_do(database)()
        await pretend_it_was_deleted_long_ago(database)
        await eventually(nothing_left_to_do(database))


async def test_orders_of_other_shoppers_stay_as_they_are(shop: Shop) -> None:
    shop.carts.fill("user_bob", LAMP=2)
    async with run_service(shop, **QUICK) as service:
        bobs = await service.customer("user_bob").check_out()
        shop.user.deleted.append("user_ada")
        await has_read_the_list(shop)
        left = await service.customer("user_bob").get(bobs.headers["location"])
    assert left.json()["address"] == ADDRESS | {"line2": None}


async def test_the_list_is_read_to_its_end_and_then_only_what_is_new(sqlite_shop: Shop) -> None:
    sqlite_shop.user.deleted += [f"user_{number}" for number in range(2 * BATCH_SIZE + 1)]
    async with run_service(sqlite_shop, **QUICK) as service:
        order = await delivered(service)
        await has_read_the_list(sqlite_shop)
        sqlite_shop.user.deleted.append("user_ada")
        await eventually(is_anonymous(sqlite_shop))
    assert order["status"] == "confirmed"


async def test_the_list_is_read_from_the_start_if_its_cursor_is_not_known_any_more(
    sqlite_shop: Shop,
) -> None:
    sqlite_shop.user.deleted.append("user_bob")
    async with run_service(sqlite_shop, **QUICK) as service:
        await delivered(service)
        await has_read_the_list(sqlite_shop)
        sqlite_shop.user.moved_by = 1_000
        sqlite_shop.user.deleted.insert(0, "user_ada")
        await eventually(is_anonymous(sqlite_shop))


async def test_known_owners_are_anonymised_while_user_is_down(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, **(QUICK | {"courier_step_seconds": 3600.0})) as service:
        order = (await service.customer().check_out()).json()
        sqlite_shop.user.deleted.append("user_ada")
        await has_read_the_list(sqlite_shop)
        sqlite_shop.user.trouble = down
        await service.customer().cancel(order["id"])
        await eventually(is_anonymous(sqlite_shop))


async def test_one_replica_reads_the_list(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, **QUICK) as service, run_service(sqlite_shop, **QUICK):
        await delivered(service)
        sqlite_shop.user.deleted.append("user_ada")
        await eventually(is_anonymous(sqlite_shop))
        metrics = (await service.client.get("/metrics")).text
        assert "orders_anonymised_total" in metrics


async def test_a_round_that_is_stopped_while_it_waits_for_user_begins_nothing_more(
    sqlite_shop: Shop,
) -> None:
    sqlite_shop.products.catalogue["LAMP"].stock = 0
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def user(request: httpx2.Request) -> httpx2.Response:
        asked.set()
        await may_answer.wait()
        return sqlite_shop.user(request)

    async with open_backend(sqlite_shop) as backend, anonymiser_of(backend, user) as anonymiser:
        order = await backend.saga.run(await backend.place(an_order()))
        turn = asyncio.create_task(anonymiser.work())
        await asked.wait()
        owner = DeletedAccount(subject=order.owner, deleted_at=datetime.now(UTC))
        await DeletedOwners(backend.database).remember([owner], cursor=None)
        turn.cancel()
        await asyncio.wait({turn})
        assert (await backend.order()).address == order.address
        may_answer.set()
        await anonymiser.work()
        assert (await backend.order()).address != order.address


@pytest.mark.fault(35, store=("sqlite", "postgres"))
async def test_a_deletion_is_delivered_again_and_handled_once_if_its_reader_died_before_noting_it(
    shop: Shop,
) -> None:
    shop.products.catalogue["LAMP"].stock = 0
    async with open_backend(shop) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        shop.user.deleted.append(order.owner)
        async with anonymiser_of(backend, shop.user) as reader:
            await reader.work()
        handled = await backend.order()
        async with backend.database.transaction("test") as connection:
            # As if it had been killed after its work: neither cursor nor owner is noted.
            await connection.execute(Statement("DELETE FROM read_lists"))
            await connection.execute(Statement("DELETE FROM deleted_owners"))
            await connection.execute(Statement("DELETE FROM leases"))
        read_before = len(shop.user.asked)
        async with anonymiser_of(backend, shop.user) as next_reader:
            await next_reader.work()
        assert len(shop.user.asked) > read_before
        assert await backend.order() == handled
        assert handled.address != order.address


async def test_a_user_that_refuses_its_own_cursors_is_read_from_the_start_once_a_round(
    sqlite_shop: Shop,
) -> None:
    sqlite_shop.user.deleted += [f"user_{number}" for number in range(BATCH_SIZE)]
    cursors: list[str | None] = []

    async def forgetful(request: httpx2.Request) -> httpx2.Response:
        cursor = request.url.params.get("cursor")
        cursors.append(cursor)
        # Without a bound a turn that never ends would keep this test from ending, too.
        refused = cursor is not None and len(cursors) < 20
        return problem(422, "unprocessable-payload") if refused else sqlite_shop.user(request)

    async with (
        open_backend(sqlite_shop) as backend,
        anonymiser_of(backend, forgetful) as anonymiser,
    ):
        await anonymiser.work()
    assert cursors == [None, str(BATCH_SIZE), None, str(BATCH_SIZE)]


@asynccontextmanager
async def anonymiser_of(
    backend: Backend, user: Callable[[httpx2.Request], Awaitable[httpx2.Response]]
) -> AsyncIterator[Anonymiser]:
    """One that works when told to, and the ``user`` it asks."""
    metrics = Metrics("tests")
    async with Upstream(
        "user",
        "http://user",
        metrics=metrics,
        service_tokens=[SecretStr(SERVICE_TOKEN)],
        transport=FakeNetwork(user),
    ) as upstream:
        yield Anonymiser(
            UserClient(upstream),
            DeletedOwners(backend.database),
            backend.orders,
            holder="one",
            lease=10_000,
            interval=1_000,
            clock=backend.shop.clock,
            metrics=OrderMetrics(metrics),
        )


async def has_read_the_list(shop: Shop) -> None:
    """Twice, so that what was read is seen to, too."""
    shop.user.asked.clear()

    async def is_so() -> bool:
        return shop.user.asked.count("deletions") > 3 + len(shop.user.deleted) // BATCH_SIZE

    await eventually(is_so)


async def pretend_it_was_deleted_long_ago(database: Database) -> None:
    at = database.clock() - LAST_ORDER_AFTER
    async with database.transaction("test") as connection:
        await connection.execute(
            Statement("UPDATE deleted_owners SET deleted_at = :at"), {"at": at}
        )


def nothing_left_to_do(database: Database) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        async with database.reading("test") as connection:
            return await connection.scalar(Statement("SELECT COUNT(*) FROM deleted_owners")) == 0

    return is_so
