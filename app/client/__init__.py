"""Calling a neighbour: the one place where this process speaks HTTP to another.

    async with Upstream("products", settings.products_url, metrics=metrics) as products:
        answer = await products.request("GET", f"/v1/products/{sku}")

`upstream` decides (which replica, how long, once more or not), `call` is what is asked, `answers`
and `errors` what comes of it, `engine` the HTTP underneath.
"""

from app.client.call import CallOptions
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
from app.client.responses import (
    PROBLEM_PREFIX,
    Check,
    StreamedResponse,
    UpstreamResponse,
    expect,
    raise_for_problem,
)
from app.client.transport import HOP_BY_HOP, Headers, Transport
from app.client.upstream import Upstream

__all__ = [
    "HOP_BY_HOP",
    "PROBLEM_PREFIX",
    "BreakerOpen",
    "CallOptions",
    "Check",
    "ConnectTimeout",
    "Headers",
    "LocalLimit",
    "OutOfTime",
    "StreamedResponse",
    "Transport",
    "Upstream",
    "UpstreamBroken",
    "UpstreamError",
    "UpstreamRefused",
    "UpstreamResponse",
    "UpstreamTimeout",
    "expect",
    "raise_for_problem",
]
