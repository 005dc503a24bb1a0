"""What a shopper sees meanwhile: one request after the other on each of a few pages.

The load measures many requests; these measure when something is away, and when it is back.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from cartwheel.errors import CommandError
from loadtest.http_client import HttpClient
from loadtest.messages import Request
from loadtest.paths import CART, PRODUCTS, TRACKING, USER

INTERVAL = 0.1
TIMEOUT = 5.0
SETTLED = 2.0
"""Seconds without a failure, after which an outage is over."""
PAGES: Mapping[str, Request] = {
    "home page": Request("/", "GET", "/"),
    "products": Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit=4"),
}


@dataclass(frozen=True)
class Sample:
    """One request: when it was sent and when it ended, and whether its response was 2xx."""

    sent_at: float
    ended_at: float
    ok: bool


class Watch:
    """The samples of each page, by its name."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = {}

    def failed(self, page: str) -> int:
        return sum(not one.ok for one in self.samples[page])

    def outage(self, page: str) -> float:
        """Seconds from the first failure to the end of the last one; 0 without any."""
        failures = [one for one in self.samples[page] if not one.ok]
        return failures[-1].ended_at - failures[0].sent_at if failures else 0.0

    def back_after(self, page: str, since: float) -> float:
        """Seconds from a time (monotonic) to the end of the last failure; 0 if it was before."""
        failures = [one.ended_at for one in self.samples[page] if not one.ok]
        return max(0.0, failures[-1] - since) if failures else 0.0

    def is_settled(self, page: str) -> bool:
        """Whether the page has not failed for a while."""
        since = time.monotonic() - SETTLED
        recent = [one for one in self.samples[page] if one.ended_at > since]
        return len(recent) > 3 and all(one.ok for one in recent)


@asynccontextmanager
async def watching(target: str) -> AsyncIterator[Watch]:
    """Watch the pages, and the cart and orders of a new customer, during the block.

    Raises `CommandError` if the shop is not whole at the start.
    """
    watch = Watch()
    async with HttpClient(target, timeout=TIMEOUT) as client:
        bearer = await _new_customer(client)
        pages = {
            **PAGES,
            "cart": Request(f"{CART}/cart", "GET", f"{CART}/cart", headers=bearer),
            "orders": Request(f"{TRACKING}/orders", "GET", f"{TRACKING}/orders", headers=bearer),
        }
        tasks = [
            asyncio.create_task(_watch(client, request, watch.samples.setdefault(name, [])))
            for name, request in pages.items()
        ]
        try:
            yield watch
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _new_customer(client: HttpClient) -> Mapping[str, str]:
    """The request headers of a new customer."""
    account = {"email": f"watch-{uuid4()}@example.com", "password": str(uuid4())}
    made = await client.send(
        Request("users", "POST", f"{USER}/users", json={**account, "name": "Wanda Watch"})
    )
    session = await client.send(Request("sessions", "POST", f"{USER}/sessions", json=account))
    if not (made.ok and session.ok):
        raise CommandError("The shop in the cluster takes no new customer: kubectl get pods.")
    return {"authorization": f"Bearer {session.json['access_token']}"}


async def _watch(client: HttpClient, request: Request, samples: list[Sample]) -> None:
    while True:
        sent = time.monotonic()
        response = await client.send(request)
        samples.append(Sample(sent, time.monotonic(), response.ok))
        await asyncio.sleep(INTERVAL)
