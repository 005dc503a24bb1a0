"""The HTTP client of the load generator."""

import httpx2


def new_client(
    target: str,
    *,
    timeout: float,
    transport: httpx2.AsyncBaseTransport | None = None,
    limits: httpx2.Limits = httpx2.Limits(),  # noqa: B008 – never changed
) -> httpx2.AsyncClient:
    """A client of the shop or of its Prometheus.

    It ignores proxies, certificates and .netrc of the environment: the target is on this machine
    or in the cluster.
    """
    return httpx2.AsyncClient(
        base_url=target, timeout=timeout, trust_env=False, transport=transport, limits=limits
    )
