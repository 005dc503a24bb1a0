"""Sagas that outlive their requests."""

import asyncio
from types import TracebackType
from typing import Self

from app.errors import Unavailable
from app.telemetry.context import use_context, without_deadline
from app.telemetry.logs import get_logger
from services.tracking.models import StoredOrder
from services.tracking.repository import OrderChanged
from services.tracking.saga import Saga

AT_ONCE = 32
"""Sagas at work together. More only wait for one another at the store, and those that wait too
long there stop half-way, which keeps stock and shopper waiting for the sweeper."""


class TooBusy(Unavailable):
    """More checkouts are under way than this replica takes on."""

    type = "too-many-checkouts"
    title = "Too many checkouts at once"


class SagaRunner:
    """Runs sagas as tasks, so that neither a shopper who leaves nor a deadline stops one.

    It takes on ``limit`` of them; ``at_once`` are at work, the others wait for their turn.
    At the end running sagas get ``grace`` seconds; what is left then is the sweeper's, here
    after the restart or in another replica now.
    """

    def __init__(self, saga: Saga, *, limit: int, grace: float, at_once: int = AT_ONCE) -> None:
        self._saga = saga
        self._limit = limit
        self._grace = grace
        self._turns = asyncio.Semaphore(at_once)
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

    def refuse_if_full(self) -> None:
        """Raise `TooBusy` rather than begin what cannot be carried on."""
        if len(self._running) >= self._limit:
            raise TooBusy("Too many checkouts are under way. Try again in a moment.")

    async def run(self, order: StoredOrder, *, timeout: float) -> StoredOrder | None:
        """Run the saga for ``order``, watching for at most ``timeout`` seconds.

        Returns where it ended, or None if it goes on unwatched or somebody else has it.
        Raises `StoreUnavailable`.
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
        # The request's id and trace go along, its deadline does not.
        with use_context(without_deadline()):
            async with self._turns:
                return await self._saga.run(order)

    def _forget(self, task: asyncio.Task[StoredOrder]) -> None:
        self._running.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, OrderChanged):
            get_logger().warning("saga.stopped", task=task.get_name(), error=repr(error))
