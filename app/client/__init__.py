"""Calling a neighbour: the one place where this process speaks HTTP to another.

    async with Upstream("products", settings.products_url, metrics=metrics) as products:
        answer = await products.request("GET", f"/v1/products/{sku}")

`upstream` decides (which replica, how long, once more or not), `call` is what is asked, `answers`
and `errors` what comes of it, `engine` the HTTP underneath.
"""

from app.client.answers import Answer, StreamedAnswer, raise_for_problem
from app.client.call import CallOptions
from app.client.engine import HOP_BY_HOP, Headers, Transport
from app.client.errors import (
    BreakerOpen,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from app.client.upstream import Upstream

__all__ = [
    "HOP_BY_HOP",
    "Answer",
    "BreakerOpen",
    "CallOptions",
    "Headers",
    "StreamedAnswer",
    "Transport",
    "Upstream",
    "UpstreamBroken",
    "UpstreamError",
    "UpstreamRefused",
    "UpstreamTimeout",
    "raise_for_problem",
]
