"""A simulated courier: moves the parcel of each confirmed order, stop by stop, to the door.

Every replica runs one. A move and its event are one conditional update, so a parcel moves once
even if several couriers try at the same time.
"""

from collections.abc import Callable, Mapping

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.failed_attempts import record_failed_attempt
from services.tracking.metrics import OrderMetrics
from services.tracking.models import OrderStatus, ShipmentStatus
from services.tracking.repository import OrderChanged, OrderRepository
from services.tracking.saga import SagaTimings

NEXT_STOP: Mapping[ShipmentStatus, ShipmentStatus] = {
    ShipmentStatus.CONFIRMED: ShipmentStatus.PACKED,
    ShipmentStatus.PACKED: ShipmentStatus.SHIPPED,
    ShipmentStatus.SHIPPED: ShipmentStatus.OUT_FOR_DELIVERY,
    ShipmentStatus.OUT_FOR_DELIVERY: ShipmentStatus.DELIVERED,
}
BATCH_SIZE = 100


class Courier:
    """Moves each parcel once every ``timings.courier`` milliseconds."""

    def __init__(
        self,
        orders: OrderRepository,
        *,
        timings: SagaTimings,
        clock: Callable[[], int],
        metrics: OrderMetrics,
        publish: Callable[[str], None],
    ) -> None:
        self._orders = orders
        self._timings = timings
        self._clock = clock
        self._metrics = metrics
        self._publish = publish

    async def move_due_parcels(self) -> None:
        """Move every due parcel to its next stop. Raises `StoreUnavailable`."""
        now = self._clock()
        latest = self._timings.latest_move(now)
        for order_id in await self._orders.due_shipments(now=now, latest=latest, limit=BATCH_SIZE):
            await self._move_safely(order_id)

    async def _move_safely(self, order_id: str) -> None:
        """An error of one parcel does not stop the others."""
        try:
            await self._move(order_id)
        except OrderChanged:
            return
        except Unavailable:
            raise
        except Exception:
            get_logger().exception("parcel.not_moved", order=order_id)
            due_at = self._clock() + self._timings.courier
            await record_failed_attempt(self._orders, self._metrics, order_id, due_at=due_at)

    async def _move(self, order_id: str) -> None:
        order = await self._orders.get(order_id)
        now = self._clock()
        if order is None or order.status is not OrderStatus.CONFIRMED:
            return
        if not order.is_due(now=now, latest=self._timings.latest_move(now)):
            return
        moved = order.moved(NEXT_STOP[order.shipment_status], now=now)
        await self._orders.save(order, moved, now=now, due_at=now + self._timings.courier)
        self._metrics.moved(moved.shipment_status)
        self._publish(order_id)
