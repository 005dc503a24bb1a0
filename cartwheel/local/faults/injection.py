"""Which code has which effect."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from cartwheel.errors import CommandError
from cartwheel.local.faults.clocks import clock_shifted
from cartwheel.local.faults.effects import (
    BlockEventLoop,
    Effect,
    HoldStore,
    Kill,
    Limit,
    ShiftClock,
    Stop,
    StoreSetting,
    Throttle,
    Toxics,
)
from cartwheel.local.faults.event_loops import event_loop_blocked
from cartwheel.local.faults.memory_limits import memory_limited
from cartwheel.local.faults.processes import stopped, throttled
from cartwheel.local.faults.resource_limits import limited
from cartwheel.local.faults.targets import Targets
from cartwheel.local.replica_process import Replica

ProcessEffect = Stop | Kill | Throttle | Limit | BlockEventLoop


@dataclass(frozen=True)
class Injected:
    """The name of what an effect acts on, and whether that is still there."""

    target: str
    is_there: Callable[[], bool] = lambda: True


@asynccontextmanager
async def injected(
    effect: Effect, targets: Targets, *, avoid: Collection[str] = ()
) -> AsyncIterator[Injected]:
    """Have this effect during the block; yields what it acts on.

    ``avoid`` are replicas on which such an effect acts already. Raises `CommandError`.
    """
    match effect:
        case Toxics():
            with _toxics(effect, targets):
                yield Injected(effect.target)
        case ShiftClock(service, seconds):
            async with clock_shifted(targets.service(service), seconds=seconds) as replica:
                yield _on_replica(replica)
        case StoreSetting() | HoldStore():
            async with _on_store(effect, targets) as acted_on:
                yield acted_on
        case _:
            async with _on_process(effect, targets, avoid=avoid) as acted_on:
                yield acted_on


@asynccontextmanager
async def _on_process(
    effect: ProcessEffect, targets: Targets, *, avoid: Collection[str]
) -> AsyncIterator[Injected]:
    replica = targets.running(effect.process, avoid=avoid)
    on_process = _on_process_of(replica, replica.name)
    match effect:
        case Kill():
            replica.kill()
            yield _on_replica(replica)
        case Stop():
            async with stopped(replica):
                yield on_process
        case Throttle(share=share):
            async with throttled(replica, share=share):
                yield on_process
        case Limit(resource="memory", value=value):
            async with memory_limited(replica, value=value):
                yield _on_replica(replica)
        case Limit(resource=resource, value=value):
            with limited(replica, resource=resource, value=value):
                yield on_process
        case BlockEventLoop(seconds=seconds):
            if not targets.settings.chaos:
                raise CommandError("An event loop can be blocked after cartwheel up --chaos only.")
            targets.check_is_service(replica)
            with event_loop_blocked(replica, seconds=seconds, folder=targets.state.root):
                yield on_process


def _toxics(effect: Toxics, targets: Targets) -> AbstractContextManager[None]:
    if effect.edge is not None:
        return targets.edge(effect.edge).affected_by(effect.parsed())
    assert effect.store is not None
    return targets.store_proxy(effect.store).affected_by(*effect.parsed())


@asynccontextmanager
async def _on_store(effect: StoreSetting | HoldStore, targets: Targets) -> AsyncIterator[Injected]:
    # Imported here, because a shop with SQLite needs no driver of a server.
    from cartwheel.local.faults.held_stores import store_held
    from cartwheel.local.faults.store_settings import postgres_setting, valkey_setting

    if isinstance(effect, HoldStore):
        url = targets.store_url(effect.service)
        async with store_held(url, what=effect.what):
            if url.startswith("postgresql:"):
                yield _on_process_of(targets.store_process("postgres"), effect.target)
            else:
                yield Injected(effect.target)
        return
    process, url = targets.store_process(effect.store), targets.url_of_store(effect.store)
    name, value = effect.name, str(effect.value)
    if effect.store == "valkey":
        async with valkey_setting(process, url, name=name, value=value):
            yield _on_process_of(process, effect.target)
        return
    settings = targets.state.postgres_settings
    async with postgres_setting(process, url, name=name, value=value, settings=settings):
        yield Injected(effect.target)


def _on_replica(replica: Replica) -> Injected:
    """It lasts when the replica starts another process."""
    return Injected(replica.name, lambda: not replica.is_stopping)


def _on_process_of(replica: Replica, name: str) -> Injected:
    """It ends with the process that the replica has now."""
    process = replica.process
    return Injected(name, lambda: process is not None and replica.process is process)
