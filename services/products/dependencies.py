"""Dependencies of the routes."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request

from app.identity import TokenVerifier, require_role
from services.products.service import CatalogueService, ReservationService


class State(TypedDict):
    """What the lifespan yields."""

    catalogue: CatalogueService
    reservations: ReservationService
    verifier: TokenVerifier


def _state(request: Request) -> State:
    # `request.state` would cost 3 µs more.
    return cast(State, request.scope["state"])


async def _catalogue(request: Request) -> CatalogueService:
    return _state(request)["catalogue"]


async def _reservations(request: Request) -> ReservationService:
    return _state(request)["reservations"]


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            max_length=1000,
            description="The `ETag`s the product may have; with any other, nothing is changed.",
        ),
    ] = None,
) -> tuple[str, ...] | None:
    return None if if_match is None else parse_etags(if_match)


def parse_etags(header: str) -> tuple[str, ...]:
    """The entity tags of an ``If-Match`` or ``If-None-Match`` header, or its ``*``."""
    return tuple(tag.strip().strip('"') for tag in header.split(","))


Catalogue = Annotated[CatalogueService, Depends(_catalogue)]
Reservations = Annotated[ReservationService, Depends(_reservations)]
RequireStaff = Depends(require_role("staff"))
"""For a route's ``dependencies``: answers 401 or 403 to everybody but the staff."""
IfMatch = Annotated[tuple[str, ...] | None, Depends(_if_match)]
"""The entity tags of the ``If-Match`` header; None without it."""
