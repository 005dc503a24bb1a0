"""Orders as pages show them: the road and its five stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from services.storefront.countries import COUNTRIES
from services.storefront.models import Address, Money, Order, OrderLine
from services.storefront.money import spoken
from services.storefront.views import Tone, product_path

ROAD = {
    "confirmed": "Confirmed",
    "packed": "Packed",
    "shipped": "Shipped",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
}
SENTENCES = {
    "pending": "We are still working on it",
    "confirmed": "Confirmed, soon in the packing room",
    "packed": "Packed and waiting for its wheels",
    "shipped": "On the road",
    "out_for_delivery": "Around the corner",
    "delivered": "Delivered. Happy rolling",
    "cancelled": "Cancelled, nothing was charged",
}
CANCELLED_BECAUSE = {
    "out-of-stock": "Cancelled: somebody was faster, and the shelf is empty",
    "payment-declined": "Cancelled: the payment was declined",
    "shopper": "Cancelled, as you asked",
}
CANCELLABLE = frozenset({"pending", "confirmed", "packed"})


@dataclass(frozen=True, slots=True)
class Stop:
    name: str
    done: bool
    now: bool
    at: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class ParcelLine:
    name: str
    quantity: int
    unit_price: str
    total: str
    path: str
    picture: str


@dataclass(frozen=True, slots=True)
class OrderView:
    id: str
    path: str
    events_path: str
    placed: str
    placed_at: str
    contents: str
    sentence: str
    state: str
    tone: Tone | str
    total: str
    lines: Sequence[ParcelLine]
    address: Sequence[str]
    stops: Sequence[Stop]
    at: int
    moving: bool
    cancellable: bool


def order_path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def order_view(order: Order) -> OrderView:
    path = order_path(order.id)
    state = _state(order)
    stops = _stops(order)
    return OrderView(
        id=order.id,
        path=path,
        events_path=f"{path}/events",
        placed=_day(order.created_at),
        placed_at=order.created_at.isoformat(),
        contents=_contents(order),
        sentence=CANCELLED_BECAUSE.get(order.reason or "", SENTENCES["cancelled"])
        if state == "cancelled"
        else SENTENCES.get(state, SENTENCES["pending"]),
        state=ROAD.get(state, "Cancelled" if state == "cancelled" else "In work"),
        tone={"pending": "wait", "cancelled": "off"}.get(state, "good"),
        total=spoken(order.total),
        lines=[_line(line) for line in order.lines],
        address=_address(order.address),
        stops=() if state == "cancelled" else stops,
        at=sum(stop.done for stop in stops),
        moving=state not in ("cancelled", "delivered"),
        cancellable=order.shipment.status in CANCELLABLE and state != "cancelled",
    )


def _line(line: OrderLine) -> ParcelLine:
    path = product_path(line.sku)
    return ParcelLine(
        name=line.name,
        quantity=line.quantity,
        unit_price=spoken(line.unit_price),
        total=spoken(_times(line.unit_price, line.quantity)),
        path=path,
        picture=f"{path}/image.svg",
    )


def _state(order: Order) -> str:
    """The order's own word until it is on the road, then the parcel's."""
    return order.shipment.status if order.status == "confirmed" else order.status


def _stops(order: Order) -> Sequence[Stop]:
    times = {event.status: event.at for event in order.shipment.events}
    return [
        Stop(
            name=name,
            done=status in times,
            now=status == order.shipment.status,
            at=times[status].isoformat() if status in times else "",
            time=f"{times[status]:%H:%M:%S}" if status in times else "",
        )
        for status, name in ROAD.items()
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


def _times(price: Money, quantity: int) -> Money:
    return Money(amount=price.amount * quantity, currency=price.currency)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
