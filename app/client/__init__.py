"""Calling a neighbour: the one place where this process speaks HTTP to another.

    async with Upstream("products", settings.products_url, metrics=metrics) as products:
        answer = await products.request("GET", f"/v1/products/{sku}")

`upstream` decides (which replica, how long, once more or not), `call` is what is asked, `answers`
and `errors` what comes of it, `engine` the HTTP underneath.
"""

from app.client.answers import (
    PROBLEM_PREFIX,
    Answer,
    Check,
    StreamedAnswer,
    agreed,
    raise_for_problem,
)
from app.client.call import CallOptions
from app.client.engine import HOP_BY_HOP, Headers, Transport
from app.client.errors import (
    BreakerOpen,
    ConnectTimeout,
    LocalLimit,
    OutOfTime,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from app.client.upstream import Upstream

__all__ = [
    "HOP_BY_HOP",
    "PROBLEM_PREFIX",
    "Answer",
    "BreakerOpen",
    "CallOptions",
    "Check",
    "ConnectTimeout",
    "Headers",
    "LocalLimit",
    "OutOfTime",
    "StreamedAnswer",
    "Transport",
    "Upstream",
    "UpstreamBroken",
    "UpstreamError",
    "UpstreamRefused",
    "UpstreamTimeout",
    "agreed",
    "raise_for_problem",
]
