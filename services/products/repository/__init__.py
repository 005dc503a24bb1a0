"""Where products and reservations are kept: one set of SQL for SQLite and Postgres."""

from services.products.repository.catalogue import (
    CatalogueRepository,
    Listing,
    NewProduct,
    Place,
    Stored,
)
from services.products.repository.reservations import (
    OutOfStock,
    ReservationClosed,
    ReservationMismatch,
    ReservationRepository,
    UnknownReservation,
)

__all__ = [
    "CatalogueRepository",
    "Listing",
    "NewProduct",
    "OutOfStock",
    "Place",
    "ReservationClosed",
    "ReservationMismatch",
    "ReservationRepository",
    "Stored",
    "UnknownReservation",
]
