"""What the service decides: about its catalogue, and about the stock of it."""

from services.products.service.catalogue import (
    FRESH_SECONDS,
    CatalogueService,
    ProductChanged,
    UnknownProduct,
)
from services.products.service.stock import ReservationOutcome, StockService

__all__ = [
    "FRESH_SECONDS",
    "CatalogueService",
    "ProductChanged",
    "ReservationOutcome",
    "StockService",
    "UnknownProduct",
]
