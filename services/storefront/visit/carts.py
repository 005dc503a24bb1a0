"""The caller's cart, for its pages and for the count in the header of every page."""

import asyncio
from contextlib import suppress

from app.client import UpstreamError
from services.storefront.clients import RefreshedElsewhere, SignedOut
from services.storefront.page_parts import MissingPart, failed_upstream
from services.storefront.service import PricedCart, Storefront
from services.storefront.visit.session import Session


async def read_cart(
    session: Session, storefront: Storefront, *, also: tuple[str, ...] = ()
) -> PricedCart | MissingPart:
    """The caller's cart; a stranger, and a session that is over, have an empty one.

    ``also`` names products that the page mentions although they are not in the cart.
    """

    async def read(bearer: str | None) -> PricedCart | MissingPart:
        return await storefront.cart(bearer, also=also)

    try:
        return await session.as_caller(read)
    except SignedOut:
        return await storefront.cart(None)
    except UpstreamError as error:
        return MissingPart(failed_upstream(error, called="user"))


class CartCount:
    """The number of things in the caller's cart; None if it cannot be read quickly."""

    def __init__(self, session: Session, storefront: Storefront) -> None:
        self._session = session
        self._storefront = storefront
        self._prefetch: asyncio.Task[int | None] | None = None

    def start(self) -> None:
        """Read it while the page is being made."""
        self._prefetch = asyncio.create_task(self._read())

    async def value(self) -> int | None:
        return await (self._prefetch or self._read())

    async def close(self) -> None:
        if self._prefetch is not None:
            self._prefetch.cancel()
            with suppress(asyncio.CancelledError, RefreshedElsewhere):
                await self._prefetch

    async def _read(self) -> int | None:
        async def count(bearer: str | None) -> int | None:
            return 0 if bearer is None else await self._storefront.cart_count(bearer)

        try:
            return await self._session.as_caller(count)
        except (SignedOut, UpstreamError):
            return None
