"""The products service, as the cart needs it: is this SKU sold?"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from app.client import (
    Upstream,
    UpstreamBroken,
    UpstreamError,
    UpstreamResponse,
    expect,
    raise_for_problem,
)
from app.models import UpstreamModel
from app.process.background import consume_exception
from app.telemetry.context import use_context, without_deadline
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

ASK_TIMEOUT = 1.0
FRESH_SECONDS = 30.0
JITTER = 0.1  # so that what was learned together is not asked again together
USABLE_SECONDS = 60 * 60.0
RETRY_SECONDS = 1.0
MAX_KNOWN = 10_000


class _Product(UpstreamModel):
    sku: str


@dataclass(slots=True)
class _Known:
    fresh_until: float
    usable_until: float


class Products:
    """Remembers which SKUs are sold: asks once for all who want to know at the same time,
    and lives on what it knows for an hour when products is down.

    Unknown SKUs are not remembered, so that guessing cannot push out the real ones.
    """

    def __init__(
        self,
        upstream: Upstream,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[bool]] = {}
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
        known = self._known.get(sku)
        return known is not None and self._clock() < known.fresh_until

    async def sells(self, sku: str) -> bool:
        """Raises `UpstreamError` when products does not answer and the SKU is not known."""
        if self.is_known(sku):
            self._remembered.inc()
            return True
        # Shielded: one caller who goes away must not take the answer from the others.
        return await asyncio.shield(self._ask_together(sku))

    def _ask_together(self, sku: str) -> asyncio.Task[bool]:
        asking = self._asking.get(sku)
        if asking is None:
            asking = self._asking[sku] = asyncio.create_task(self._ask(sku))
            asking.add_done_callback(lambda _: self._asking.pop(sku))
            asking.add_done_callback(consume_exception)
        return asking

    async def _ask(self, sku: str) -> bool:
        try:
            with use_context(without_deadline()):
                answer = await self._upstream.request(
                    "GET", f"/v1/products/{sku}", timeout=ASK_TIMEOUT, check=_tells_of(sku)
                )
            if answer.status_code == 404:
                self._known.pop(sku, None)
            else:
                raise_for_problem(answer)
                self._remember(sku)
        except UpstreamError as error:
            return self._recall(sku, error)
        self._asked.inc()
        return answer.status_code != 404

    def _remember(self, sku: str) -> None:
        now = self._clock()
        fresh_for = FRESH_SECONDS * random.uniform(1 - JITTER, 1 + JITTER)
        self._known[sku] = _Known(now + fresh_for, now + USABLE_SECONDS)
        self._known.move_to_end(sku)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _recall(self, sku: str, error: UpstreamError) -> bool:
        now = self._clock()
        known = self._known.get(sku)
        if known is None or now >= known.usable_until:
            self._failed.inc()
            raise error
        known.fresh_until = now + RETRY_SECONDS
        self._stale.inc()
        get_logger().warning("product_known_from_before", sku=sku, reason=error.outcome)
        return True


def _tells_of(sku: str) -> Callable[[UpstreamResponse], None]:
    """A check that the answer is yes or no: this product, or the problem that there is none."""
    is_agreed = expect(_Product, knows_caller=False)

    def check(answer: UpstreamResponse) -> None:
        is_agreed(answer)
        if answer.status_code == 404:
            return
        if answer.status_code != 200 or answer.read(_Product).sku != sku:
            raise UpstreamBroken(answer.upstream, "its answer is not about the product.")

    return check
