"""The HTTP client of the load generator: the only module of it that knows which library it is."""

import httpx2

Client = httpx2.AsyncClient
Transport = httpx2.AsyncBaseTransport

TransportError = httpx2.HTTPError
"""There is no response, or (`Client.raise_for_status`) an error as the response."""
InvalidUrl = httpx2.InvalidURL


def new_client(
    target: str,
    *,
    timeout: float,
    transport: Transport | None = None,
    max_connections: int | None = None,
) -> Client:
    """A client of the shop or of its Prometheus.

    It ignores proxies, certificates and .netrc of the environment: the target is on this machine
    or in the cluster.
    """
    return httpx2.AsyncClient(
        base_url=target,
        timeout=timeout,
        trust_env=False,
        transport=transport,
        limits=httpx2.Limits(max_connections=max_connections),
    )
