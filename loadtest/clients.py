"""The HTTP client of everything here."""

import httpx2


def new_client(
    target: str,
    *,
    timeout: float,
    transport: httpx2.AsyncBaseTransport | None = None,
    limits: httpx2.Limits = httpx2.Limits(),  # noqa: B008 – never changed
) -> httpx2.AsyncClient:
    """A client of the shop or of its Prometheus.

    A proxy in the environment is for the world outside: these are on this machine or in the
    cluster, and a proxy would answer for them. The same goes for certificates and .netrc.
    """
    return httpx2.AsyncClient(
        base_url=target, timeout=timeout, trust_env=False, transport=transport, limits=limits
    )
