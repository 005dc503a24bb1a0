"""What a route may ask for, by its name in the shop."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request

from app.identity import TokenVerifier, require_role
from services.products.service import Catalogue, Stock


class State(TypedDict):
    """What start-up makes, and the end of the process closes."""

    catalogue: Catalogue
    stock: Stock
    verifier: TokenVerifier


async def _catalogue(request: Request) -> Catalogue:
    return cast(Catalogue, request.state.catalogue)


async def _stock(request: Request) -> Stock:
    return cast(Stock, request.state.stock)


async def _expected(
    if_match: Annotated[
        str | None,
        Header(
            max_length=1000,
            description="`ETag`s the product may have; change nothing if it has another.",
        ),
    ] = None,
) -> tuple[str, ...] | None:
    return None if if_match is None else fingerprints_in(if_match)


def fingerprints_in(header: str) -> tuple[str, ...]:
    """The entity tags of an ``If-Match`` or ``If-None-Match`` header, or its ``*``."""
    return tuple(tag.strip().strip('"') for tag in header.split(","))


Goods = Annotated[Catalogue, Depends(_catalogue)]
StockRoom = Annotated[Stock, Depends(_stock)]
Staff = Depends(require_role("staff"))
"""Only the staff may call; for a route's ``dependencies``. Answers 401, 403."""
Expected = Annotated[tuple[str, ...] | None, Depends(_expected)]
"""The fingerprints a product may have for a change to be made; None: any."""
