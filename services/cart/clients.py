"""The client of the products service: whether there is a product with a SKU."""

import time
from collections.abc import Callable
from functools import partial

from app.cache import Cache
from app.client import (
    Upstream,
    UpstreamBroken,
    UpstreamError,
    UpstreamResponse,
    expect,
    raise_for_problem,
)
from app.models import UpstreamModel
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

LOOKUP_TIMEOUT = 1.0
FRESH_SECONDS = 30.0
USABLE_SECONDS = 60 * 60.0
RETRY_SECONDS = 1.0
MAX_PRODUCTS = 10_000


class _Product(UpstreamModel):
    sku: str


class _NoSuchProduct(Exception):
    """Raised, not returned, so that the cache does not keep it."""


class ProductsClient:
    """Knows which products exist. While the service is down, a cached product is used for an hour.

    Only products that exist are cached, so that guessed SKUs cannot displace them.
    """

    def __init__(
        self,
        upstream: Upstream,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._cache = Cache[str, bool](
            fresh_for=FRESH_SECONDS,
            usable_for=USABLE_SECONDS,
            retry_after=RETRY_SECONDS,
            max_entries=MAX_PRODUCTS,
            clock=clock,
        )
        lookups = metrics.counter(
            "product_lookups_total",
            "Does the cart know its products, or must it ask (and is it answered)?",
            {"outcome": ("remembered", "asked", "stale", "failed")},
        )
        self._remembered = lookups.labels("remembered")
        self._asked = lookups.labels("asked")
        self._stale = lookups.labels("stale")
        self._failed = lookups.labels("failed")

    def remembers(self, sku: str) -> bool:
        """Whether it is known without a request that the product exists."""
        if self._cache.fresh(sku):
            self._remembered.inc()
            return True
        return False

    async def exists(self, sku: str) -> bool:
        """Raises `UpstreamError` if the request fails and the product is not cached."""
        if self.remembers(sku):
            return True
        try:
            return await self._cache.get(sku, partial(self._look_up, sku))
        except _NoSuchProduct:
            return False

    async def _look_up(self, sku: str) -> bool:
        try:
            response = await self._upstream.request(
                "GET", f"/v1/products/{sku}", timeout=LOOKUP_TIMEOUT, check=_is_about(sku)
            )
            if response.status_code != 404:
                raise_for_problem(response)
        except UpstreamError as error:
            self._count_failure(sku, error)
            raise
        self._asked.inc()
        if response.status_code == 404:
            raise _NoSuchProduct
        return True

    def _count_failure(self, sku: str, error: UpstreamError) -> None:
        if self._cache.usable(sku):
            self._stale.inc()
            get_logger().warning("product_known_from_before", sku=sku, reason=error.label)
        else:
            self._failed.inc()


def _is_about(sku: str) -> Callable[[UpstreamResponse], None]:
    """A check that the response is this product, or the problem that it does not exist."""
    is_agreed = expect(_Product, allow_401=False)

    def check(response: UpstreamResponse) -> None:
        is_agreed(response)
        if response.status_code == 404:
            return
        if response.status_code != 200 or response.read(_Product).sku != sku:
            raise UpstreamBroken(response.upstream, "its response is not about the product.")

    return check
