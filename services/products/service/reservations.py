"""Reserves stock for orders."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal

from app.errors import Problem
from app.stores.clock import Clock, moment
from app.telemetry.cells import Counter, Family
from services.products.models import Line, Reservation
from services.products.repository import (
    OutOfStock,
    ReservationClosed,
    ReservationMismatch,
    ReservationRepository,
)

ReservationOutcome = Literal[
    "reserved",
    "committed",
    "released",
    "expired",
    "repeated",
    "out_of_stock",
    "mismatch",
    "closed",
]
"""The values of the metric's label."""

_OUTCOME_OF_ERROR: Mapping[type[Problem], ReservationOutcome] = {
    OutOfStock: "out_of_stock",
    ReservationMismatch: "mismatch",
    ReservationClosed: "closed",
}


class ReservationService:
    """Reserves stock, commits and releases reservations, and expires them.

    ``on_change`` is called with the SKUs whose stock has changed.
    """

    def __init__(
        self,
        repository: ReservationRepository,
        *,
        lifetime: timedelta,
        on_change: Callable[[Collection[str]], None],
        outcomes: Family[Counter],
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._lifetime = lifetime
        self._on_change = on_change
        self._outcomes = outcomes
        self._clock = clock

    async def reserve(self, order_id: str, lines: Sequence[Line]) -> tuple[Reservation, bool]:
        """Reserve all lines, or none. Returns the reservation and whether it is new.

        Raises `OutOfStock`, `ReservationMismatch`, `ReservationClosed`.
        """
        expires_at = moment(self._clock()) + self._lifetime
        try:
            reservation, is_new = await self._repository.reserve(
                order_id, lines, expires_at=expires_at
            )
        except (OutOfStock, ReservationMismatch, ReservationClosed) as error:
            self._count(_OUTCOME_OF_ERROR[type(error)])
            raise
        self._count("reserved" if is_new else "repeated")
        if is_new:
            self._report_change(reservation)
        return reservation, is_new

    async def commit(self, order_id: str) -> Reservation:
        """Make the sale final: the order is paid.

        Raises `UnknownReservation`, `ReservationClosed`.
        """
        reservation, changed = await self._repository.commit(order_id)
        self._count("committed" if changed else "repeated")
        return reservation

    async def release(self, order_id: str) -> Reservation:
        """Return what the order reserved or bought to stock: the order is cancelled."""
        now = moment(self._clock())
        reservation, changed = await self._repository.release(order_id, now=now)
        self._count("released" if changed else "repeated")
        if changed:
            self._report_change(reservation)
        return reservation

    async def expire(self) -> int:
        """Return the stock of expired reservations. Returns how many there were."""
        expired = await self._repository.expire(now=moment(self._clock()))
        for reservation in expired:
            self._count("expired")
            self._report_change(reservation)
        return len(expired)

    def _report_change(self, reservation: Reservation) -> None:
        self._on_change([line.sku for line in reservation.lines])

    def _count(self, outcome: ReservationOutcome) -> None:
        self._outcomes.labels(outcome).inc()
