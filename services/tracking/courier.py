"""A courier who exists in the table only: moves each confirmed order's parcel to the door.

Every replica may run one. A move is a conditional update together with its event, so however
many couriers reach for a parcel, it moves once.
"""

from collections.abc import Callable, Mapping

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.metrics import Measures
from services.tracking.models import ShipmentStatus, Status
from services.tracking.parking import count_surprise
from services.tracking.repository import OrderChanged, OrderRepository
from services.tracking.saga import Pace

NEXT_STOP: Mapping[ShipmentStatus, ShipmentStatus] = {
    ShipmentStatus.CONFIRMED: ShipmentStatus.PACKED,
    ShipmentStatus.PACKED: ShipmentStatus.SHIPPED,
    ShipmentStatus.SHIPPED: ShipmentStatus.OUT_FOR_DELIVERY,
    ShipmentStatus.OUT_FOR_DELIVERY: ShipmentStatus.DELIVERED,
}
BATCH = 100


class Courier:
    """Moves parcels, each once in ``pace.courier``."""

    def __init__(
        self,
        orders: OrderRepository,
        *,
        pace: Pace,
        clock: Callable[[], int],
        measures: Measures,
        changed: Callable[[str], None],
    ) -> None:
        self._orders = orders
        self._pace = pace
        self._clock = clock
        self._measures = measures
        self._changed = changed

    async def make_rounds(self) -> None:
        """Move every parcel that is due by one stop. Raises `StoreUnavailable`."""
        now = self._clock()
        latest = self._pace.latest_move(now)
        for order_id in await self._orders.under_way(now=now, latest=latest, limit=BATCH):
            await self._move_safely(order_id)

    async def _move_safely(self, order_id: str) -> None:
        """A parcel that cannot be moved is parked after some tries; the others go on."""
        try:
            await self._move(order_id)
        except OrderChanged:
            return
        except Unavailable:
            raise
        except Exception:
            get_logger().exception("parcel.not_moved", order=order_id)
            due_at = self._clock() + self._pace.courier
            await count_surprise(self._orders, self._measures, order_id, due_at=due_at)

    async def _move(self, order_id: str) -> None:
        order = await self._orders.get(order_id)
        now = self._clock()
        if order is None or order.status is not Status.CONFIRMED:
            return
        if not order.is_due(now=now, latest=self._pace.latest_move(now)):
            return
        moved = order.moved(NEXT_STOP[order.shipment_status], now=now)
        await self._orders.save(order, moved, now=now, due_at=now + self._pace.courier)
        self._measures.moved(moved.shipment_status)
        self._changed(order_id)
