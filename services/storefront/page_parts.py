"""The parts of a page, read from the upstreams within the page's deadline.

A part that does not come is replaced by a `MissingPart`: a visible, logged and counted policy.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from app.client import UpstreamError
from app.telemetry.context import Deadline, current_context, use_context
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics
from services.storefront.clients import RequestDeclined

T = TypeVar("T")
UpstreamName = Literal["products", "cart", "user", "tracking"]
UPSTREAMS: Sequence[UpstreamName] = get_args(UpstreamName)

QUICK_TIMEOUT = 0.8
"""Seconds that a page waits for a part it can do without, like the count in its header."""


@dataclass(frozen=True, slots=True)
class MissingPart:
    """Stands for a part of a page that did not come from this upstream."""

    upstream: UpstreamName


class PageParts:
    """Reads parts of pages. ``timeout`` is the seconds that the parts of one page may take."""

    def __init__(self, *, metrics: Metrics, timeout: float) -> None:
        self._timeout = timeout
        self._missing = metrics.counter(
            "storefront_page_parts_missing_total",
            "How often did a page go out without a part, because a neighbour did not answer?",
            {"upstream": UPSTREAMS},
        )

    def deadline(self) -> Deadline:
        """For a page whose parts are read one after the other."""
        return Deadline.after(self._timeout)

    def quick_deadline(self) -> Deadline:
        """For a part that is not worth waiting for."""
        return Deadline.after(min(QUICK_TIMEOUT, self._timeout))

    async def read(
        self, upstream: UpstreamName, part: Awaitable[T], *, within: Deadline | None = None
    ) -> T | MissingPart:
        """The part, or a `MissingPart` if it does not come. Raises `SignedOut`.

        A declined request counts as missing: parts are read with requests that are never declined.
        """
        deadline = within or self.deadline()
        try:
            with use_context(current_context().with_deadline(deadline)):
                async with asyncio.timeout(deadline.remaining()):
                    return await part
        except (UpstreamError, RequestDeclined, TimeoutError) as error:
            missing = failed_upstream(error, called=upstream)
            get_logger().warning("page_part_missing", upstream=missing, reason=str(error))
            self._missing.labels(missing).inc()
            return MissingPart(missing)


def failed_upstream(error: Exception, *, called: UpstreamName) -> UpstreamName:
    """The one that was called, unless its error names another one that it waited for."""
    named = getattr(error, "upstream", called)
    return next((one for one in UPSTREAMS if one == named), called)
