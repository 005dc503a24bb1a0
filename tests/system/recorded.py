"""Requests of a test as a history, which is checked against the books of the shop."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count

from cartwheel.books import closing_books, read_opening
from cartwheel.consistency import Books, check
from loadtest.history import Operation
from loadtest.messages import Exchange, Request, Response
from loadtest.recorder import Recorder
from tests.support.http_load import Connection, HttpRequest, HttpResponse
from tests.system.shop import RunningShop

AT_REST_WITHIN = 90.0
SERVICES = {"cart": "cart", "products": "products", "orders": "tracking"}
TEMPLATES = (
    (re.compile(r"/cart/items/[^/]+$"), "/cart/items/{sku}"),
    (re.compile(r"/orders/[^/:]+"), "/orders/{id}"),
)


class RecordedTraffic:
    """Sends requests and keeps their history.

    Requests of one caller that follow one another are those of one client.
    """

    def __init__(self) -> None:
        self.history: list[Operation] = []
        self.books = Books()
        """When the block is over."""
        self._recorder = Recorder(self.history.append)
        self._numbers = count()
        self._idle: defaultdict[str, list[int]] = defaultdict(list)
        """Clients that wait for no response, by their token."""

    async def send_all_at_once(
        self, requests: Iterable[tuple[str, HttpRequest]]
    ) -> Sequence[HttpResponse]:
        """Send each to its URL. Raises `OSError` without a response."""
        return await asyncio.gather(*(self.send(url, request) for url, request in requests))

    async def send(self, url: str, request: HttpRequest) -> HttpResponse:
        """Raises `OSError` without a response."""
        connection = Connection(url)
        idle = self._idle[request.headers.get("authorization", "")]
        client = idle.pop() if idle else next(self._numbers)
        called_at = time.monotonic()
        response = Response(0, error="broken")
        try:
            received = await connection.send(request)
            response = Response(received.status, received.body, headers=received.headers)
            return received
        finally:
            connection.close()
            self._recorder.record(
                Exchange(client, _recorded(request), response, called_at, time.monotonic())
            )
            idle.append(client)


@asynccontextmanager
async def recorded(
    shop: RunningShop, *, within: float = AT_REST_WITHIN
) -> AsyncIterator[RecordedTraffic]:
    """Traffic whose history agrees with the books of the shop when the block is over.

    All that shoppers do in the block has to be sent through it. ``within`` is how many seconds
    later no order may have a step to do.
    """
    opening = await read_opening(shop.stores)
    traffic = RecordedTraffic()
    yield traffic
    traffic.books = await closing_books(shop.stores, opening, traffic.history, within=within)
    report = check(traffic.history, traffic.books)
    assert report.passed, "\n".join(report.sentences)


def _recorded(request: HttpRequest) -> Request:
    """The same request through the storefront, as scenarios send it."""
    service = SERVICES[re.split(r"[/:]", request.path)[2]]
    path = name = f"/api/{service}{request.path}"
    for pattern, template in TEMPLATES:
        name = pattern.sub(template, name)
    return Request(name, request.method, path, request.json, request.headers)
