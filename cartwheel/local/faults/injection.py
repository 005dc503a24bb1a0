"""Which code has which effect."""

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager

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

ProcessEffect = Stop | Kill | Throttle | Limit | BlockEventLoop


@asynccontextmanager
async def injected(
    effect: Effect, targets: Targets, *, avoid: Collection[str] = ()
) -> AsyncIterator[str]:
    """Have this effect during the block; yields the name of what it acts on.

    ``avoid`` are replicas on which such an effect acts already. Raises `CommandError`.
    """
    match effect:
        case Toxics():
            with _toxics(effect, targets):
                yield effect.target
        case ShiftClock(service, seconds):
            async with clock_shifted(targets.service(service), seconds=seconds) as replica:
                yield replica.name
        case StoreSetting() | HoldStore():
            async with _on_store(effect, targets):
                yield effect.target
        case _:
            async with _on_process(effect, targets, avoid=avoid) as name:
                yield name


@asynccontextmanager
async def _on_process(
    effect: ProcessEffect, targets: Targets, *, avoid: Collection[str]
) -> AsyncIterator[str]:
    replica = targets.running(effect.process, avoid=avoid)
    match effect:
        case Kill():
            replica.kill()
            yield replica.name
        case Stop():
            async with stopped(replica):
                yield replica.name
        case Throttle(share=share):
            async with throttled(replica, share=share):
                yield replica.name
        case Limit(resource="memory", value=value):
            async with memory_limited(replica, value=value):
                yield replica.name
        case Limit(resource=resource, value=value):
            with limited(replica, resource=resource, value=value):
                yield replica.name
        case BlockEventLoop(seconds=seconds):
            if not targets.settings.chaos:
                raise CommandError("An event loop can be blocked after cartwheel up --chaos only.")
            targets.check_is_service(replica)
            with event_loop_blocked(replica, seconds=seconds, folder=targets.state.root):
                yield replica.name


def _toxics(effect: Toxics, targets: Targets) -> AbstractContextManager[None]:
    if effect.edge is not None:
        return targets.edge(effect.edge).affected_by(effect.parsed())
    assert effect.store is not None
    return targets.store_proxy(effect.store).affected_by(*effect.parsed())


def _on_store(
    effect: StoreSetting | HoldStore, targets: Targets
) -> AbstractAsyncContextManager[None]:
    # Imported here, because a shop with SQLite needs no driver of a server.
    from cartwheel.local.faults.held_stores import store_held
    from cartwheel.local.faults.store_settings import postgres_setting, valkey_setting

    if isinstance(effect, HoldStore):
        return store_held(targets.store_url(effect.service), what=effect.what)
    process, url = targets.store_process(effect.store), targets.url_of_store(effect.store)
    name, value = effect.name, str(effect.value)
    if effect.store == "valkey":
        return valkey_setting(url, name=name, value=value)
    settings = targets.state.postgres_settings
    return postgres_setting(process, url, name=name, value=value, settings=settings)
