"""The operations on the catalogue and on reservations."""

from services.products.service.catalogue import (
    FRESH_SECONDS,
    CatalogueService,
    ProductChanged,
    UnknownProduct,
)
from services.products.service.reservations import ReservationOutcome, ReservationService

__all__ = [
    "FRESH_SECONDS",
    "CatalogueService",
    "ProductChanged",
    "ReservationOutcome",
    "ReservationService",
    "UnknownProduct",
]
