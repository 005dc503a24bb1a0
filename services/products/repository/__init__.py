"""The store of the catalogue and the reservations: the same SQL for SQLite and Postgres."""

from services.products.repository.catalogue import (
    CatalogueRepository,
    Listing,
    NewProduct,
    PagePosition,
    StoredProduct,
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
    "PagePosition",
    "ReservationClosed",
    "ReservationMismatch",
    "ReservationRepository",
    "StoredProduct",
    "UnknownReservation",
]
