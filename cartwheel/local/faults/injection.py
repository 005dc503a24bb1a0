"""Which code has which effect."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from cartwheel.local.faults.effects import Effect, Kill, Limit, Stop, Throttle
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
    async with AsyncExitStack() as stack:
        replica = targets.running(effect.process, avoid=avoid)
        match effect:
            case Kill():
                replica.kill()
            case Stop():
                stack.enter_context(stopped(replica))
            case Throttle(share=share):
                await stack.enter_async_context(throttled(replica, share=share))
            case Limit(resource=resource, value=value):
                stack.enter_context(limited(replica, resource=resource, value=value))
        yield replica.name
