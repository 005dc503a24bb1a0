"""What runs is followed from one supervisor to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cartwheel.console.local.run_follower import RunFollower
from cartwheel.errors import CommandError
from cartwheel.local.control_socket import Message, serve_control_socket
from cartwheel.local.replica_process import State
from cartwheel.local.run_state import (
    RunningReplica,
    RunningService,
    RunState,
    RunWatch,
)
from cartwheel.local.state_folder import StateFolder
from tests.support.waiting import until


class Supervisor:
    """As much of one as is followed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.restarts = 0
        self.faults: list[Message] = []
        self.watch = RunWatch(self._state)

    def _state(self) -> RunState:
        cart = RunningReplica("cart-1", State.READY, 9, 9001, self.restarts)
        services = [RunningService("cart", "http://cart", 1, [cart])]
        return RunState(self.pid, 1.0, "running", services, None, self.faults)


@asynccontextmanager
async def serving(folder: StateFolder, supervisor: Supervisor) -> AsyncIterator[None]:
    async def refuse(_: Message) -> Message:
        raise AssertionError("it is only followed")

    followed = {"watch": supervisor.watch.states}
    async with serve_control_socket(folder.control_socket, refuse, followed=followed):
        yield
        # As when the process ends: its connections end with it.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if "serve_control_socket" in repr(task.get_coro()):
                task.cancel()


@asynccontextmanager
async def following(folder: StateFolder) -> AsyncIterator[RunFollower]:
    follower = RunFollower(folder, now=lambda: 100.0)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_it_goes_on_with_the_next_supervisor(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    async with following(folder) as follower:
        assert (follower.state, follower.lost_at) == (None, None)
        for pid in (7, 8):
            async with serving(folder, Supervisor(pid)):
                await until(lambda: follower.state is not None)
                assert follower.state is not None
                assert follower.state.pid == pid
            await until(lambda: follower.state is None)
            assert follower.lost_at == 100.0


async def test_a_process_that_ended_between_two_looks_is_not_missed(tmp_path: Path) -> None:
    folder, supervisor = StateFolder(tmp_path), Supervisor(7)
    async with following(folder) as follower, serving(folder, supervisor):
        await until(lambda: follower.state is not None)
        assert follower.take_restarted() == set()
        supervisor.restarts = 1
        supervisor.watch.notify()
        await until(lambda: follower.take_restarted() == {"cart-1"})
        assert follower.take_restarted() == set()


@pytest.mark.parametrize("age", [0.0, 12.5])
async def test_faults_have_their_age_now(tmp_path: Path, age: float) -> None:
    folder, supervisor = StateFolder(tmp_path), Supervisor(7)
    supervisor.faults = [{"id": 1, "age": age}]
    async with following(folder) as follower, serving(folder, supervisor):
        await until(lambda: follower.state is not None)
        assert follower.effects == [{"id": 1, "age": age}]


async def test_a_supervisor_of_another_version_is_not_taken_for_none(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)

    async def refuse(_: Message) -> Message:
        raise CommandError("The supervisor does not know this command: is it an older one?")

    async with following(folder) as follower, serve_control_socket(folder.control_socket, refuse):
        await until(lambda: "does not know this command" in follower.refusal)
        assert follower.state is None
