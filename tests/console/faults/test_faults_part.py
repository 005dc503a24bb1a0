"""Faults over HTTP, on a real shop: they begin, are seen, end and leave nothing.

All that are featured, lessons, and a console that is killed: `tests/faults/test_console.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cartwheel.chaos.shop import Shop
from cartwheel.local.faults.client import open_fault_session
from tests.console.faults.desk import Desk, faults_desk
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("console")


@pytest.fixture
async def desk(plain_shop: Shop) -> AsyncIterator[Desk]:
    async with faults_desk(plain_shop) as desk:
        yield desk


async def test_a_fault_is_seen_ends_by_itself_and_has_an_outcome(desk: Desk) -> None:
    begun = await desk.send("PUT", "/api/faults/cart-hung", {"seconds": 1})
    assert begun.status_code == 200
    assert begun.json()["running"]["fault"] == "cart-hung"
    await until(lambda: desk.part.states([])[0].seen_after is not None)
    (state,) = await desk.states()
    assert state.targets[0].startswith("cart-")
    outcome = await desk.outcome()
    assert outcome["passed"]
    assert outcome["sentence"].startswith("Seen after 0.")
    assert " s after its end." in outcome["sentence"]
    assert await desk.effects() == []
    assert [mark.title for mark in desk.marks] == ["cart-hung", "cart-hung has ended"]


async def test_a_fault_is_switched_off_and_one_that_nobody_met_says_so(desk: Desk) -> None:
    await desk.send("PUT", "/api/faults/cart-partitioned", {"seconds": 60})
    assert [effect["target"] for effect in await desk.effects()] == ["storefront->cart"]
    second = await desk.send("PUT", "/api/faults/cart-killed")
    assert second.status_code == 409
    assert second.json()["detail"] == "cart-partitioned is still in force: end it first."
    ended = await desk.send("DELETE", "/api/faults/cart-partitioned")
    assert ended.json()["running"] is None
    assert await desk.effects() == []
    assert (await desk.outcome())["sentence"].startswith("Not seen: too few requests met it")


async def test_of_a_fault_and_a_lesson_at_once_only_one_begins(desk: Desk) -> None:
    fault, lesson = await asyncio.gather(
        desk.send("PUT", "/api/faults/cart-partitioned", {"seconds": 60}),
        desk.send("POST", "/api/lessons/circuit-breaker"),
    )
    assert (fault.status_code, lesson.status_code) in [(200, 409), (409, 202)]
    path = "lessons/current" if fault.status_code == 409 else "faults/cart-partitioned"
    await desk.send("DELETE", f"/api/{path}")
    assert await desk.effects() == []


async def test_while_another_process_holds_the_faults_its_name_and_pid_are_told(
    desk: Desk,
) -> None:
    with open_fault_session(desk.shop.state, "cartwheel chaos run cart-hung"):
        refused = await desk.send("PUT", "/api/faults/cart-killed")
    assert refused.status_code == 409
    assert "cartwheel chaos run cart-hung (pid " in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("cart-hng", None, 404, "did you mean cart-hung?"),
        ("cart-hung", {"seconds": 61}, 422, "seconds: from 0.5 to 60."),
        ("cart-hung", {"seconds": 10**4000}, 422, "seconds: from 0.5 to 60."),
        ("cart-hung", {"seconds": "4"}, 422, "seconds: a number."),
        ("cart-hung", {"secs": 4}, 422, "There is no field 'secs': there is seconds."),
        ("valkey-killed", None, 409, "needs a shop with --stores real"),
    ],
)
async def test_what_cannot_begin_is_refused_with_the_reason(
    desk: Desk, path: str, body: Any, status: int, detail: str
) -> None:
    refused = await desk.send("PUT", f"/api/faults/{path}", body)
    assert refused.status_code == status
    assert detail in refused.json()["detail"]


async def test_what_is_not_in_force_cannot_be_ended(desk: Desk) -> None:
    assert (await desk.send("DELETE", "/api/faults/cart-hung")).status_code == 409
    assert (await desk.send("DELETE", "/api/lessons/current")).status_code == 409


async def test_a_fault_is_undone_when_the_console_stops(plain_shop: Shop) -> None:
    async with faults_desk(plain_shop) as desk:
        await desk.send("PUT", "/api/faults/cart-hung", {"seconds": 60})
        assert await desk.effects() != []
    assert await desk.effects() == []
    assert [mark.title for mark in desk.marks] == ["cart-hung", "cart-hung has ended"]
