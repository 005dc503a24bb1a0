"""The saga and what drives it, over a real store, with fake upstreams and a clock of our own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from pydantic import SecretStr

from app.client import Upstream
from app.stores.database import Database
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics
from services.tracking.clients import CartClient, ProductsClient
from services.tracking.courier import Courier
from services.tracking.crash_points import CrashPoints, never_crash
from services.tracking.metrics import OrderMetrics
from services.tracking.models import (
    Address,
    Money,
    OrderLine,
    OrderOrigin,
    OrderStatus,
    PaymentMode,
    ShipmentStatus,
    Step,
    StoredOrder,
)
from services.tracking.payments import Payments
from services.tracking.repository import OrderRepository
from services.tracking.saga import Participants, Saga, SagaTimings
from services.tracking.sweeper import Sweeper
from tests.services.tracking.fake_upstreams import SERVICE_TOKEN, FakeCarts, FakeProducts, FakeUser
from tests.support.network import FakeNetwork

TIMINGS = SagaTimings(stall=60_000, retry=5_000, give_up=300_000, courier=4_000)
LEASE = 10_000
"""Milliseconds."""
NUMBERS = itertools.count(1)
ADDRESS = Address(name="Ada", line1="1 Loom Lane", city="Ware", postal_code="SG12", country="GB")


class Clock:
    """Epoch milliseconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


def an_order(
    order_id: str = "ord_00000001",
    *,
    owner: str = "user_ada",
    quantity: int = 2,
    price: int = 500,
    created_at: int = 1_790_000_000_000,
) -> StoredOrder:
    """A new order of some lamps."""
    unit_price = Money(amount=price, currency="EUR")
    line = OrderLine(sku="LAMP", name="A fine lamp", quantity=quantity, unit_price=unit_price)
    return StoredOrder(
        id=order_id,
        owner=owner,
        status=OrderStatus.PENDING,
        step=Step.RESERVE,
        version=1,
        reason=None,
        total=Money(amount=price * quantity, currency="EUR"),
        lines=(line,),
        address=ADDRESS,
        created_at=created_at,
        due_at=created_at + TIMINGS.stall,
        shipment_status=ShipmentStatus.PENDING,
        sequence=0,
        events=(),
    )


@dataclass
class Shop:
    """What outlives a crash: the store, the neighbours, the time."""

    url: str
    products: FakeProducts = field(default_factory=FakeProducts)
    carts: FakeCarts = field(default_factory=FakeCarts)
    user: FakeUser = field(default_factory=FakeUser)
    clock: Clock = field(default_factory=Clock)


@dataclass
class Backend:
    """What a crash takes away: one process that works on the shop's orders."""

    shop: Shop
    database: Database
    orders: OrderRepository
    payments: Payments
    saga: Saga
    sweeper: Sweeper
    courier: Courier

    async def place(self, order: StoredOrder, *, key: str = "key") -> StoredOrder:
        """Store a new order without doing anything about it."""
        assert await self.add(order, key=key)
        return order

    async def add(self, order: StoredOrder, *, key: str, origin: OrderOrigin | None = None) -> bool:
        """Store a new order, of a cart of its own unless ``origin`` says otherwise."""
        number = next(NUMBERS)
        origin = origin or OrderOrigin(cart_version=number, cart_updated_at=0, ordinal=number)
        return await self.orders.add(
            order, key=key, payload_hash="hash", origin=origin, number=number
        )

    async def order(self, order_id: str = "ord_00000001") -> StoredOrder:
        order = await self.orders.get(order_id)
        assert order is not None
        return order

    async def settle(self) -> None:
        """Let time pass and the sweeper sweep until nothing is left to do."""
        for _ in range(100):
            self.shop.clock.pass_seconds(61)
            await self.sweeper.sweep()
            if not await self.orders.due_checkouts(latest=2**61, now=2**60, limit=1):
                return
        raise AssertionError("orders are still due_checkouts")

    async def money_kept(self, order_id: str = "ord_00000001") -> int:
        async with self.database.reading("test") as connection:
            query = Statement(
                "SELECT amount FROM payments WHERE order_id = :id AND status = 'charged'"
            )
            return await connection.scalar(query, {"id": order_id}) or 0

    async def steps(self, order_id: str = "ord_00000001") -> list[tuple[str, str]]:
        """The saga's log in the order it was written."""
        async with self.database.reading("test") as connection:
            query = Statement(
                "SELECT step, event FROM order_steps WHERE order_id = :id ORDER BY version, event"
            )
            rows = await connection.rows(query, {"id": order_id})
        return [(row["step"], row["event"]) for row in rows]


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within: float = 20.0) -> None:
    """Return when it is so; raises TimeoutError if it does not come to be."""
    async with asyncio.timeout(within):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.01)


def ignore(_: str) -> None:
    """Nobody follows the order."""


async def no_pause(_: float = 0.0) -> None:
    """Between two attempts."""


@asynccontextmanager
async def open_backend(
    shop: Shop,
    *,
    crash_points: CrashPoints = never_crash,
    publish: Callable[[str], None] = ignore,
    holder: str = "one",
    payment_mode: PaymentMode = "succeed",
    chance: Callable[[], float] = lambda: 0.9,
    timings: SagaTimings = TIMINGS,
) -> AsyncIterator[Backend]:
    metrics = Metrics("tracking")
    order_metrics = OrderMetrics(metrics)

    def upstream(name: str, answer: Callable[[httpx2.Request], httpx2.Response]) -> Upstream:
        return Upstream(
            name,
            f"http://{name}",
            metrics=metrics,
            service_tokens=[SecretStr(SERVICE_TOKEN)],
            transport=FakeNetwork(answer),
            pause=no_pause,
        )

    async with (
        Database(shop.url, metrics=metrics) as database,
        upstream("products", shop.products) as products,
        upstream("cart", shop.carts) as cart,
    ):
        orders = OrderRepository(database)
        payments = Payments(
            database, mode=payment_mode, delay=0.01, timeout=0.05, clock=shop.clock, chance=chance
        )
        saga = Saga(
            orders=orders,
            participants=Participants(ProductsClient(products), payments, CartClient(cart)),
            timings=timings,
            clock=shop.clock,
            metrics=order_metrics,
            crash_points=crash_points,
            publish=publish,
            pause=no_pause,
        )
        yield Backend(
            shop=shop,
            database=database,
            orders=orders,
            payments=payments,
            saga=saga,
            sweeper=Sweeper(
                saga, orders, holder=holder, lease=LEASE, clock=shop.clock, metrics=order_metrics
            ),
            courier=Courier(
                orders, timings=timings, clock=shop.clock, metrics=order_metrics, publish=publish
            ),
        )
