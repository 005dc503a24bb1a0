"""An order that fails again and again is parked, so that the others go on."""

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.metrics import OrderMetrics
from services.tracking.repository import OrderRepository


async def record_failed_attempt(
    orders: OrderRepository, metrics: OrderMetrics, order_id: str, *, due_at: int
) -> None:
    """Postpone an order after an unexpected error. Park it after too many of them."""
    try:
        is_parked = await orders.count_failed_attempt(order_id, due_at=due_at)
    except Unavailable as error:
        get_logger().warning("order.surprise_not_counted", order=order_id, why=str(error))
        return
    if is_parked:
        get_logger().error("order.parked", order=order_id)
        metrics.parked()
