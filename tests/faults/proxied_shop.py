"""A shop with a proxy on every way between two services, and before the cart's Valkey."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from cartwheel.tcp_proxy import TcpProxy
from tests.services.storefront.browser import Page
from tests.support.shop import SERVICES, Shop, running_shop
from tests.support.valkey_server import ValkeyServer
from tests.support.waiting import until

NOTICE = "notice notice-wait"
HEALED_WITHIN = 15.0


@dataclass
class ProxiedShop:
    shop: Shop
    store: TcpProxy
    """Before the cart's Valkey."""
    client: httpx2.AsyncClient
    """Of the storefront."""
    _edges: dict[tuple[str, str], TcpProxy]

    def edge(self, caller: str, callee: str) -> TcpProxy:
        return self._edges[caller, callee]

    def pids(self) -> dict[str, int]:
        return {service: self.shop.process(service).pid for service in SERVICES}

    async def metric(self, service: str, name: str, **labels: str) -> float:
        """The sum of the series with these labels."""
        async with httpx2.AsyncClient() as client:
            text = (await client.get(f"{self.shop.url(service)}/metrics")).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(f"{name}{{") and all(one in line for one in wanted)
        )

    async def is_ready(self, service: str) -> bool:
        url = f"{self.shop.url(service)}/readyz"
        return (await self.client.get(url)).status_code == 200

    async def heals(self, path: str = "/") -> float:
        """The seconds until a page is whole again, also when it is opened once more."""

        async def is_whole() -> bool:
            # The first calls may be probes of a circuit breaker.
            pages = [Page(await self.client.get(path)) for _ in range(3)]
            return all(page.status == 200 and NOTICE not in page.html for page in pages)

        started = time.monotonic()
        await until(is_whole, within=HEALED_WITHIN)
        return time.monotonic() - started


@asynccontextmanager
async def running_proxied_shop(folder: Path) -> AsyncIterator[ProxiedShop]:
    edges: dict[tuple[str, str], TcpProxy] = {}

    def route(caller: str, callee: str, url: str) -> str:
        proxy = edges[caller, callee] = TcpProxy.to(url)
        proxy.open()
        stack.push_async_callback(proxy.aclose)
        return proxy.url_through(url)

    valkey = ValkeyServer(folder)
    async with AsyncExitStack() as stack:
        stack.callback(valkey.kill)
        valkey.start()
        store = await stack.enter_async_context(TcpProxy.to(valkey.url))
        stores = {"cart": store.url_through(valkey.url)}
        shop = await stack.enter_async_context(running_shop(folder, stores=stores, route=route))
        client = httpx2.AsyncClient(base_url=shop.url("storefront"), timeout=15)
        await stack.enter_async_context(client)
        yield ProxiedShop(shop, store, client, edges)
