"""The products service, as the cart needs it: is this SKU sold?"""

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


class _NotSold(Exception):
    """Products has no such product. Raised, so that the cache does not keep it."""


class Products:
    """Knows which SKUs are sold: cached, and for an hour even if products is down.

    Only SKUs that are sold are cached, so that guessed ones cannot displace them.
    """

    def __init__(
        self,
        upstream: Upstream,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._sold = Cache[str, bool](
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

    def is_known(self, sku: str) -> bool:
        """Whether `sells` says yes without asking products."""
        return self._sold.fresh(sku) is not None

    async def sells(self, sku: str) -> bool:
        """Raises `UpstreamError` when products does not respond and the SKU is not known."""
        if self._sold.fresh(sku):
            self._remembered.inc()
            return True
        try:
            return await self._sold.get(sku, partial(self._look_up, sku))
        except _NotSold:
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
            raise _NotSold
        return True

    def _count_failure(self, sku: str, error: UpstreamError) -> None:
        if self._sold.usable(sku):
            self._stale.inc()
            get_logger().warning("product_known_from_before", sku=sku, reason=error.outcome)
        else:
            self._failed.inc()


def _is_about(sku: str) -> Callable[[UpstreamResponse], None]:
    """A check that the answer is yes or no: this product, or the problem that there is none."""
    is_agreed = expect(_Product, knows_caller=False)

    def check(answer: UpstreamResponse) -> None:
        is_agreed(answer)
        if answer.status_code == 404:
            return
        if answer.status_code != 200 or answer.read(_Product).sku != sku:
            raise UpstreamBroken(answer.upstream, "its answer is not about the product.")

    return check
