"""Calling another service: the only place where this process sends HTTP requests.

    async with Upstream("products", settings.products_url, metrics=metrics) as products:
        response = await products.request("GET", f"/v1/products/{sku}")

`upstream` is the client. `retry` decides how often a call is sent, `load_balancing` where to,
`circuit_breaker` whether at all; `discovery` finds the replicas. `call`, `responses` and `errors`
are what goes in and what comes out. `transport` sends the tries, over a `pool` of `connection`s.
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
from app.client.messages import HOP_BY_HOP, Headers, Transport
from app.client.responses import (
    PROBLEM_PREFIX,
    Check,
    StreamedResponse,
    UpstreamResponse,
    expect,
    raise_for_problem,
)
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
