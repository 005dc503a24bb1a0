"""An order that nobody can do anything with must not keep the others waiting."""

from app.errors import Unavailable
from app.telemetry.logs import get_logger
from services.tracking.metrics import Measures
from services.tracking.repository import OrderRepository


async def count_surprise(
    orders: OrderRepository, measures: Measures, order_id: str, *, due_at: int
) -> None:
    """Postpone an order that surprised us, and park it when it did so too often."""
    try:
        parked = await orders.strike(order_id, due_at=due_at)
    except Unavailable as error:
        get_logger().warning("order.surprise_not_counted", order=order_id, why=str(error))
        return
    if parked:
        get_logger().error("order.parked", order=order_id)
        measures.parked()
