"""A proxy before the store process of each service, so that faults reach one service alone."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cartwheel.tcp_proxy import TcpProxy


@dataclass(frozen=True)
class StoreProxies:
    """The store URL of each service, and the proxy that it leads to, if there is one."""

    urls: Mapping[str, str]
    by_service: Mapping[str, TcpProxy] = field(default_factory=dict)


@asynccontextmanager
async def open_store_proxies(
    urls: Mapping[str, str], *, requested: bool
) -> AsyncIterator[StoreProxies]:
    """Have a proxy for each URL of a server during the block; a SQLite file needs none."""
    async with AsyncExitStack() as opened:
        proxies = {}
        changed = dict(urls)
        for service, url in urls.items():
            if not requested or urlsplit(url).port is None:
                continue
            proxies[service] = await opened.enter_async_context(TcpProxy.to(url))
            changed[service] = proxies[service].url_through(url)
        yield StoreProxies(changed, proxies)
