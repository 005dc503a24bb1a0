"""Whatever happens, each fault is undone and each service has its replicas again."""

import asyncio
import time
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from cartwheel.chaos.catalogue import find_fault
from cartwheel.chaos.soak.disturbances import Disturbances
from cartwheel.chaos.soak.schedule import Kind, Step
from cartwheel.chaos.soak.session import Change
from cartwheel.errors import CommandError

FAULTS = {
    name: find_fault(name)
    for name in ("cart-hung", "cart-killed", "cart-without-keys", "user-killed")
}


class FakeSession:
    """Remembers the effects that go on; may refuse one kind, and to undo the last one."""

    def __init__(self, *, refused: str = "") -> None:
        self.active: dict[int, Any] = {}
        self.injected: list[Any] = []
        self.has_injected = Event()
        self._refused = refused
        self.undo_problem = ""

    def inject(self, effect: Any) -> int:
        if effect.effect == self._refused:
            raise CommandError("There is no such process.")
        self.injected.append(effect)
        self.active[len(self.injected)] = effect
        self.has_injected.set()
        return len(self.injected)

    def undo(self, effect_id: int) -> None:
        if self.undo_problem and effect_id == len(self.injected):
            raise CommandError(self.undo_problem)
        del self.active[effect_id]


class FakeShop:
    """Each service has two replicas; scaling takes no time, or fails."""

    def __init__(self, *, problem: str = "") -> None:
        self.counts = {"cart": 2, "user": 2}
        self.restarted: list[str] = []
        self.has_scaled = Event()
        self._problem = problem

    def services(self) -> dict[str, Any]:
        return {name: {"desired": count} for name, count in self.counts.items()}

    def scale(self, service: str, count: int) -> None:
        if self._problem:
            raise CommandError(self._problem)
        self.counts[service] = count
        self.has_scaled.set()

    def restart(self, service: str) -> None:
        self.restarted.append(service)


class World:
    def __init__(self, *, refused: str = "", problem: str = "") -> None:
        self.session = FakeSession(refused=refused)
        self.shop = FakeShop(problem=problem)
        self.changes: list[Change] = []
        self.disturbances = Disturbances(
            self.shop,  # type: ignore[arg-type]
            self.session,  # type: ignore[arg-type]
            FAULTS,
            report=self.changes.append,
        )

    async def follow(self, *steps: Step) -> Sequence[str]:
        return await self.disturbances.follow(steps)


async def test_a_fault_lasts_as_long_as_planned_and_is_undone() -> None:
    world = World()
    await world.follow(Step(0.01, Kind.FAULT, "cart-hung", 0.05))
    (change,) = world.changes
    assert (change.name, change.part, change.problem) == ("cart-hung", "cart", None)
    assert change.ended_at - change.started_at >= 0.04
    assert world.session.injected
    assert not world.session.active


async def test_a_kill_is_one_moment() -> None:
    world = World()
    await world.follow(Step(0.0, Kind.FAULT, "cart-killed", 0.02))
    assert world.changes[0].ended_at == world.changes[0].started_at


async def test_a_fault_that_is_not_possible_is_reported_and_the_soak_goes_on() -> None:
    world = World(refused="kill")
    await world.follow(
        Step(0.0, Kind.FAULT, "cart-killed", 0.01), Step(0.02, Kind.FAULT, "cart-hung", 0.01)
    )
    assert [one.problem for one in world.changes] == ["There is no such process.", None]


async def test_a_fault_that_is_not_undone_is_a_problem_and_its_other_effects_are_undone() -> None:
    world = World()
    world.session.undo_problem = "The process is gone."
    problems = await world.follow(Step(0.0, Kind.FAULT, "cart-without-keys", 0.02))
    assert problems == ["cart-without-keys was not undone: The process is gone."]
    assert list(world.session.active) == [2]
    assert world.changes[0].is_done


async def test_restarts_and_scalings_happen_in_their_order() -> None:
    world = World()
    await world.follow(
        Step(0.0, Kind.RESTART, "user"),
        Step(0.01, Kind.SCALE_OUT, "cart"),
        Step(0.02, Kind.SCALE_IN, "cart"),
    )
    assert world.shop.restarted == ["user"]
    assert [one.words for one in world.changes[1:]] == [
        "cart: 2 → 3 replicas",
        "cart: 3 → 2 replicas",
    ]
    assert world.shop.counts["cart"] == 2


async def test_stopped_early_it_undoes_faults_and_restores_the_replicas() -> None:
    world = World()
    started = time.monotonic()
    following = asyncio.create_task(
        world.follow(
            Step(0.0, Kind.SCALE_OUT, "cart"),
            Step(0.0, Kind.FAULT, "cart-hung", 60),
            Step(30, Kind.SCALE_IN, "cart"),
            Step(30, Kind.FAULT, "user-killed", 5),
        )
    )
    for happened in (world.session.has_injected, world.shop.has_scaled):
        assert await asyncio.to_thread(happened.wait, 5)
    world.disturbances.stop()
    assert await following == []
    assert time.monotonic() - started < 30
    assert not world.session.active
    assert world.shop.counts["cart"] == 2
    assert {one.name for one in world.changes} == {"cart", "cart-hung"}


async def test_replicas_that_cannot_be_restored_are_a_problem_of_the_soak() -> None:
    world = World(problem="cart: not all 2 replicas get ready.")

    async def lose_a_replica() -> None:
        await asyncio.sleep(0.02)
        world.shop.counts["cart"] = 1

    problems, _ = await asyncio.gather(
        world.follow(Step(0.05, Kind.RESTART, "user")), lose_a_replica()
    )
    assert problems == ["cart: not all 2 replicas get ready."]


@pytest.mark.parametrize("at", [0.0, 0.02])
async def test_nothing_begins_after_the_stop(at: float) -> None:
    world = World()
    world.disturbances.stop()
    await world.follow(Step(at, Kind.FAULT, "cart-killed", 1), Step(at, Kind.RESTART, "user"))
    assert world.changes == []
