"""Runs sagas as tasks that outlive the requests that started them."""

import asyncio
from types import TracebackType
from typing import Self

from app.errors import Unavailable
from app.telemetry.context import current_context, use_context, without_deadline
from app.telemetry.logs import get_logger
from services.tracking.models import StoredOrder
from services.tracking.repository import OrderChanged
from services.tracking.saga import Saga

MAX_CONCURRENT = 32
"""Sagas that run at the same time. With more, each waits longer for a store connection, and a saga
that waits too long stops half-way: its stock is held until the sweeper comes."""


RESPONSE_MARGIN = 0.3
"""Seconds of a request's deadline that are left for its response."""


class TooBusy(Unavailable):
    """This replica has as many checkouts in progress as it accepts."""

    type = "too-many-checkouts"
    title = "Too many checkouts at once"


class SagaRunner:
    """Runs sagas as tasks, so that neither a client that disconnects nor a deadline stops one.

    It accepts ``limit`` sagas; ``max_concurrent`` of them run, the others wait for a slot. When
    the process stops, running sagas get ``grace`` seconds. The sweeper of another replica, or of
    this one after a restart, takes up what is left.
    """

    def __init__(
        self, saga: Saga, *, limit: int, grace: float, max_concurrent: int = MAX_CONCURRENT
    ) -> None:
        self._saga = saga
        self._limit = limit
        self._grace = grace
        self._slots = asyncio.Semaphore(max_concurrent)
        self._running: set[asyncio.Task[StoredOrder]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._running:
            return
        _, left = await asyncio.wait(self._running, timeout=self._grace)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def raise_if_full(self) -> None:
        """Raise `TooBusy` before a checkout begins that could not be finished."""
        if len(self._running) >= self._limit:
            raise TooBusy("Too many checkouts are under way. Try again in a moment.")

    async def run(self, order: StoredOrder, *, timeout: float) -> StoredOrder | None:
        """Run the saga of ``order`` and wait for it for at most ``timeout`` seconds.

        Returns the order as the saga left it. None: the saga still runs, or another process
        took it over. Raises `StoreUnavailable`.
        """
        task = asyncio.create_task(self._run(order), name=f"saga {order.id}")
        self._running.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done:
            return None
        try:
            return task.result()
        except OrderChanged:
            return None

    async def _run(self, order: StoredOrder) -> StoredOrder:
        # The saga keeps the request's id and trace, but not its deadline.
        with use_context(without_deadline()):
            async with self._slots:
                return await self._saga.run(order)

    def _forget(self, task: asyncio.Task[StoredOrder]) -> None:
        self._running.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, OrderChanged):
            get_logger().warning("saga.stopped", task=task.get_name(), error=repr(error))


def time_to_wait(max_wait: float) -> float:
    """Seconds that the current request can wait for a saga, at most ``max_wait``."""
    return max(0.0, min(max_wait, current_context().time_left() - RESPONSE_MARGIN))
