"""What shoppers do with their orders: look at them and cancel them. `checkout` makes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import Conflict, NotFound
from services.tracking.checkout import InProgress
from services.tracking.models import OrderStatus, Reason, ShipmentStatus, Step, StoredOrder
from services.tracking.repository import OrderChanged, OrderRepository
from services.tracking.saga import Saga
from services.tracking.saga_runner import SagaRunner, time_to_wait

# Once the parcel has left the house, it can no longer be stopped.
CANCELLABLE = frozenset({ShipmentStatus.PENDING, ShipmentStatus.CONFIRMED, ShipmentStatus.PACKED})
CANCEL_ATTEMPTS = 5


class AlreadyShipped(Conflict):
    type = "already-shipped"
    title = "The parcel is on its way"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderService:
    """``max_wait`` is how long a request waits for a saga, in seconds."""

    repository: OrderRepository
    saga: Saga
    runner: SagaRunner
    max_wait: float

    async def order(self, owner: str, order_id: str) -> StoredOrder:
        """Raises `NotFound`, for an order of another owner too."""
        order = await self.repository.get(order_id)
        if order is None or order.owner != owner:
            raise NotFound("There is no such order.")
        return order

    async def page(
        self, owner: str, *, after: tuple[int, str] | None, limit: int
    ) -> Sequence[StoredOrder]:
        """The owner's orders, newest first."""
        return await self.repository.page(owner, after=after, limit=limit)

    async def cancel(self, owner: str, order_id: str) -> StoredOrder:
        """Cancel an order whose parcel has not left the house. Safe to repeat.

        The order is cancelled when this returns; `StoredOrder.step` says whether money and stock
        are given back already. Raises `NotFound`, `AlreadyShipped`, `InProgress` and
        `StoreUnavailable`.
        """
        order = await self._decide_to_cancel(owner, order_id)
        if order.step is Step.DONE:
            return order
        return await self.runner.run(order, timeout=time_to_wait(self.max_wait)) or order

    async def _decide_to_cancel(self, owner: str, order_id: str) -> StoredOrder:
        for _ in range(CANCEL_ATTEMPTS):
            order = await self.order(owner, order_id)
            if order.status is OrderStatus.CANCELLED:
                return order
            if order.step is Step.UNKNOWN:
                break
            if order.shipment_status not in CANCELLABLE:
                raise AlreadyShipped("It can no longer be cancelled.")
            try:
                return await self.saga.cancel(order, Reason.SHOPPER)
            except OrderChanged:
                continue
        raise InProgress("The order is changing right now.")
