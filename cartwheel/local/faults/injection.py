"""Which code has which effect."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from cartwheel.local.faults.effects import Effect, Kill, Limit, Stop, Throttle, Toxics
from cartwheel.local.faults.processes import stopped, throttled
from cartwheel.local.faults.resource_limits import limited
from cartwheel.local.faults.targets import Targets


@asynccontextmanager
async def injected(
    effect: Effect, targets: Targets, *, avoid: Collection[str] = ()
) -> AsyncIterator[str]:
    """Have this effect during the block; yields the name of what it acts on.

    ``avoid`` are replicas on which such an effect acts already. Raises `CommandError`.
    """
    match effect:
        case Kill(process):
            replica = targets.running(process, avoid=avoid)
            replica.kill()
            yield replica.name
        case Stop(process):
            replica = targets.running(process, avoid=avoid)
            with stopped(replica):
                yield replica.name
        case Throttle(process, share):
            replica = targets.running(process, avoid=avoid)
            async with throttled(replica, share=share):
                yield replica.name
        case Limit(process, resource, value):
            replica = targets.running(process, avoid=avoid)
            with limited(replica, resource=resource, value=value):
                yield replica.name
        case Toxics(edge=str(edge)):
            with targets.edge(edge).affected_by(effect.parsed()):
                yield effect.target
        case Toxics(store=str(service)):
            with targets.store_proxy(service).affected_by(*effect.parsed()):
                yield effect.target
