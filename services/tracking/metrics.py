"""The metrics of orders, and the question that each answers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.telemetry.metrics import Metrics
from services.tracking.models import OrderStatus, Reason, ShipmentStatus, Step, StoredOrder

STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class OrderMetrics:
    def __init__(self, metrics: Metrics) -> None:
        # How do checkouts end, and why do orders get lost?
        self._orders = metrics.counter(
            "orders_total",
            "Orders decided, by outcome.",
            {"outcome": (OrderStatus.CONFIRMED, *Reason)},
        )
        # Which step makes shoppers wait, which one fails?
        self._steps = metrics.histogram(
            "checkout_step_duration_seconds",
            "Time a step of the checkout took.",
            labels=("step", "outcome"),
            buckets=STEP_BUCKETS,
        )
        # How often does a checkout stall?
        self._resumed = metrics.counter(
            "orders_resumed_total", "Orders that stood still and were taken up again."
        )
        # Is there an order that a person has to look at?
        self._parked = metrics.counter(
            "orders_parked_total", "Orders left alone after too many failed attempts."
        )
        # Are deleted accounts forgotten?
        self._anonymised = metrics.counter(
            "orders_anonymised_total", "Orders that lost name and address with their account."
        )
        # Do parcels move?
        self._moves = metrics.counter(
            "shipment_moves_total",
            "Moves of parcels, by where they came to.",
            {"status": ShipmentStatus},
        )
        # How many people watch their parcel?
        self._listeners = metrics.gauge("event_listeners", "Open streams of order events.")

    def decided(self, order: StoredOrder) -> None:
        outcome = order.status if order.status is OrderStatus.CONFIRMED else str(order.reason)
        self._orders.labels(outcome=outcome).inc()

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        started = time.perf_counter()
        outcome = "unclear"
        try:
            yield
            outcome = "clear"
        finally:
            duration = time.perf_counter() - started
            self._steps.labels(step=step, outcome=outcome).observe(duration)

    def resumed(self) -> None:
        self._resumed.inc()

    def parked(self) -> None:
        self._parked.inc()

    def anonymised(self) -> None:
        self._anonymised.inc()

    def moved(self, status: ShipmentStatus) -> None:
        self._moves.labels(status=status).inc()

    def listening(self, count: int) -> None:
        self._listeners.set(count)
