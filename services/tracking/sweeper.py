"""Takes up orders that make no progress: after a crash, or after a step without definite result.

One replica sweeps at a time, by a lease that expires within seconds if the replica dies. The
lease only saves work. Two sweepers would do no harm: each claims an order by conditional update.
"""

import asyncio
from collections.abc import Callable

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.failed_attempts import record_failed_attempt
from services.tracking.metrics import OrderMetrics
from services.tracking.repository import OrderChanged, OrderRepository
from services.tracking.saga import STEPS, Saga

LEASE = "sweeper"
BATCH_SIZE = 50
MAX_CONCURRENT = 8


class Sweeper:
    """``holder`` is the unique name of this replica, ``lease`` the duration of its lease in
    milliseconds."""

    def __init__(
        self,
        saga: Saga,
        orders: OrderRepository,
        *,
        holder: str,
        lease: int,
        clock: Callable[[], int],
        metrics: OrderMetrics,
    ) -> None:
        self._saga = saga
        self._orders = orders
        self._holder = holder
        self._lease = lease
        self._clock = clock
        self._metrics = metrics

    async def sweep(self) -> None:
        """Finish or undo the orders that make no progress, if this replica has the lease.

        Raises `StoreUnavailable`.
        """
        now = self._clock()
        held = await self._orders.hold_lease(
            LEASE, holder=self._holder, now=now, expires_at=now + self._lease
        )
        if not held:
            return
        latest = self._saga.timings.latest_step(now)
        order_ids = await self._orders.due_checkouts(now=now, latest=latest, limit=BATCH_SIZE)
        slots = asyncio.Semaphore(MAX_CONCURRENT)

        async def resume(order_id: str) -> None:
            async with slots:
                await self._resume_safely(order_id)

        async with asyncio.TaskGroup() as group:
            for order_id in order_ids:
                group.create_task(resume(order_id))

    async def _resume_safely(self, order_id: str) -> None:
        """An error of one order does not stop the others."""
        try:
            await self._resume(order_id)
        except OrderChanged:
            return
        except Unavailable as error:
            get_logger().warning("order.not_resumed", order=order_id, why=str(error))
        except Exception:
            get_logger().exception("order.not_resumed", order=order_id)
            due_at = self._clock() + self._saga.timings.retry
            await record_failed_attempt(self._orders, self._metrics, order_id, due_at=due_at)

    async def _resume(self, order_id: str) -> None:
        order = await self._orders.get(order_id)
        now = self._clock()
        timings = self._saga.timings
        if order is None or order.step not in STEPS:
            return
        if not order.is_due(now=now, latest=timings.latest_step(now)):
            return
        claimed = await self._orders.save(order, order, now=now, due_at=now + timings.stall)
        self._metrics.resumed()
        get_logger().info("order.resumed", order=order_id, step=claimed.step)
        await self._saga.run(claimed)
