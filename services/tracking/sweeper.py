"""Takes up orders that stand still: after a crash, or when a neighbour gave no clear answer.

One replica sweeps at a time, by a lease that a dead one loses within seconds. The lease saves
work; what makes two sweepers harmless is that an order is claimed by conditional update.
"""

import asyncio
from collections.abc import Callable

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.metrics import Measures
from services.tracking.models import Step
from services.tracking.parking import count_surprise
from services.tracking.repository import OrderChanged, OrderRepository
from services.tracking.saga import Saga

LEASE = "sweeper"
BATCH = 50
AT_ONCE = 8


class Sweeper:
    """``holder`` is this replica's name; two replicas must not share one.

    ``lease`` is how long, in milliseconds, nobody else sweeps after its last sweep.
    """

    def __init__(
        self,
        saga: Saga,
        orders: OrderRepository,
        *,
        holder: str,
        lease: int,
        clock: Callable[[], int],
        measures: Measures,
    ) -> None:
        self._saga = saga
        self._orders = orders
        self._holder = holder
        self._lease = lease
        self._clock = clock
        self._measures = measures

    async def sweep(self) -> None:
        """Finish or undo what stands still, if it is this replica's turn.

        Raises `StoreUnavailable`.
        """
        now = self._clock()
        held = await self._orders.hold_lease(
            LEASE, holder=self._holder, now=now, expires_at=now + self._lease
        )
        if not held:
            return
        latest = self._saga.pace.latest_step(now)
        order_ids = await self._orders.unfinished(now=now, latest=latest, limit=BATCH)
        turns = asyncio.Semaphore(AT_ONCE)

        async def take_turn(order_id: str) -> None:
            async with turns:
                await self._resume_safely(order_id)

        async with asyncio.TaskGroup() as group:
            for order_id in order_ids:
                group.create_task(take_turn(order_id))

    async def _resume_safely(self, order_id: str) -> None:
        """One order's trouble must not become the others'."""
        try:
            await self._resume(order_id)
        except OrderChanged:
            return
        except Unavailable as error:
            get_logger().warning("order.not_resumed", order=order_id, why=str(error))
        except Exception:
            get_logger().exception("order.not_resumed", order=order_id)
            due_at = self._clock() + self._saga.pace.retry
            await count_surprise(self._orders, self._measures, order_id, due_at=due_at)

    async def _resume(self, order_id: str) -> None:
        order = await self._orders.get(order_id)
        now = self._clock()
        pace = self._saga.pace
        if order is None or order.step is Step.DONE:
            return
        if not order.is_due(now=now, latest=pace.latest_step(now)):
            return
        claimed = await self._orders.save(order, order, now=now, due_at=now + pace.stall)
        self._measures.resumed()
        get_logger().info("order.resumed", order=order_id, step=claimed.step)
        await self._saga.run(claimed)
