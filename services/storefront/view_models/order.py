"""Orders as pages show them, with the five steps of a shipment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.storefront.countries import COUNTRIES
from services.storefront.models import Address, Order, OrderLine
from services.storefront.money import format_money
from services.storefront.paths import order_path, product_path
from services.storefront.view_models.product import image_path
from services.storefront.view_models.tone import Tone

SHIPMENT_STEPS = {
    "confirmed": "Confirmed",
    "packed": "Packed",
    "shipped": "Shipped",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
}
_SENTENCES = {
    "pending": "We are still working on it",
    "confirmed": "Confirmed, soon in the packing room",
    "packed": "Packed and waiting for its wheels",
    "shipped": "On the road",
    "out_for_delivery": "Around the corner",
    "delivered": "Delivered. Happy rolling",
    "cancelled": "Cancelled, nothing was charged",
}
_CANCEL_SENTENCES = {
    "out-of-stock": "Cancelled: somebody was faster, and the shelf is empty",
    "payment-declined": "Cancelled: the payment was declined",
    "shopper": "Cancelled, as you asked",
}
_STATUS_NAMES = SHIPMENT_STEPS | {"cancelled": "Cancelled"}
_TONES: Mapping[str, Tone | Literal["off"]] = {"pending": "wait", "cancelled": "off"}
CANCELLABLE = frozenset({"pending", "confirmed", "packed"})


@dataclass(frozen=True, slots=True)
class StepView:
    """``at`` is when it was reached, for programs; ``time`` is the same for people."""

    name: str
    is_done: bool
    is_current: bool
    at: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class OrderLineView:
    name: str
    quantity: int
    unit_price: str
    total: str
    path: str
    image_path: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """``steps_done`` is how far along the steps it is."""

    id: str
    path: str
    events_path: str
    placed: str
    placed_at: str
    contents: str
    sentence: str
    status: str
    tone: Tone | Literal["off"]
    total: str
    lines: Sequence[OrderLineView]
    address: Sequence[str]
    steps: Sequence[StepView]
    steps_done: int
    is_moving: bool
    is_cancellable: bool


def order_view(order: Order) -> OrderView:
    path = order_path(order.id)
    status = _status(order)
    steps = _steps(order)
    return OrderView(
        id=order.id,
        path=path,
        events_path=f"{path}/events",
        placed=_moment(order.created_at),
        placed_at=order.created_at.isoformat(),
        contents=_contents(order),
        sentence=_sentence(order, status),
        status=_STATUS_NAMES.get(status, "In work"),
        tone=_TONES.get(status, "good"),
        total=format_money(order.total),
        lines=[_line_view(line) for line in order.lines],
        address=_address(order.address),
        steps=() if status == "cancelled" else steps,
        steps_done=sum(step.is_done for step in steps),
        is_moving=status not in ("cancelled", "delivered"),
        is_cancellable=order.shipment.status in CANCELLABLE and status != "cancelled",
    )


def _status(order: Order) -> str:
    """The order's own status until it is confirmed, then its shipment's."""
    return order.shipment.status if order.status == "confirmed" else order.status


def _sentence(order: Order, status: str) -> str:
    if status == "cancelled":
        return _CANCEL_SENTENCES.get(order.reason or "", _SENTENCES["cancelled"])
    return _SENTENCES.get(status, _SENTENCES["pending"])


def _line_view(line: OrderLine) -> OrderLineView:
    return OrderLineView(
        name=line.name,
        quantity=line.quantity,
        unit_price=format_money(line.unit_price),
        total=format_money(line.unit_price.times(line.quantity)),
        path=product_path(line.sku),
        image_path=image_path(line.sku),
    )


def _steps(order: Order) -> Sequence[StepView]:
    times = {event.status: event.at for event in order.shipment.events}
    return [
        StepView(
            name=name,
            is_done=status in times,
            is_current=status == order.shipment.status,
            at=times[status].isoformat() if status in times else "",
            time=f"{times[status]:%H:%M:%S}" if status in times else "",
        )
        for status, name in SHIPMENT_STEPS.items()
    ]


def _contents(order: Order) -> str:
    names = [line.name for line in order.lines]
    if len(names) <= 2:
        return " · ".join(names)
    return f"{names[0]} · {names[1]} · {len(names) - 2} more"


def _address(address: Address) -> Sequence[str]:
    lines = (
        address.name,
        address.line1,
        address.line2 or "",
        f"{address.postal_code or ''} {address.city}".strip(),
        COUNTRIES.get(address.country, address.country),
    )
    return [line for line in lines if line]


def _moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
