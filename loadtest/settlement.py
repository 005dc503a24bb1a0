"""What a load leaves open, and how it is settled when the shop is whole again.

An order whose response was lost is placed once more with its key, until a response says what has
become of it; then each order is read until it is decided, and each cart and stock once more.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.client.messages import Transport
from loadtest.access_tokens import as_bearer, has_expired, owner_of, subject_of, token_in
from loadtest.http_client import HttpClient
from loadtest.messages import Exchange, Request, Response
from loadtest.outcomes import decides_key, json_object
from loadtest.paths import CART, TRACKING, USER
from loadtest.shop_requests import Headers, log_in, look_up, read_cart, read_order
from loadtest.statistics import TIMEOUT

WITHIN = 90.0
"""Seconds: longer than it takes until an order that stands still is resumed."""
PAUSE = 0.25
AT_ONCE = 8
SKUS_AT_ONCE = 100

PLACE = ("POST", f"{TRACKING}/orders")
PENDING = "pending"


@dataclass
class _Owner:
    """What is known of a shopper, and what is open."""

    bearer: Headers
    account: Mapping[str, str] | None = None
    has_cart: bool = False
    undecided: dict[str, Request] = field(default_factory=dict)
    """Requests for orders by their key."""
    orders: set[str] = field(default_factory=set)


class Settlement:
    """Passes each exchange on to ``record``, and remembers what is to be settled."""

    def __init__(self, record: Callable[[Exchange], None]) -> None:
        self._record = record
        self._owners: defaultdict[str, _Owner] = defaultdict(lambda: _Owner({}))
        self._skus: set[str] = set()
        self._shoppers = 0

    def observe(self, exchange: Exchange) -> None:
        """Pass this to a generator as its `on_exchange`."""
        self._record(exchange)
        self._shoppers = max(self._shoppers, exchange.shopper + 1)
        request, response = exchange.request, exchange.response
        token = json_object(response).get("access_token") if request.name.startswith(USER) else None
        if token is not None:
            self._note_session(request, str(token))
        elif request.name.startswith(CART):
            self._owners[owner_of(request)].has_cart = True
            if request.json and "sku" in request.json:
                self._skus.add(request.json["sku"])
        elif (request.method, request.name) == PLACE:
            self._note_order(request, response)

    async def settle(
        self, target: str, *, within: float = WITHIN, transport: Transport | None = None
    ) -> int:
        """Settle what is open; returns how much of it is still open after so many seconds."""
        async with HttpClient(
            target, timeout=TIMEOUT, max_connections=AT_ONCE, transport=transport
        ) as client:
            slots = asyncio.Semaphore(AT_ONCE)
            deadline = time.monotonic() + within

            async def settle_one(number: int, owner: _Owner) -> int:
                async with slots:
                    sender = _Sender(client, self.observe, number, owner, deadline)
                    return await sender.settle()

            owners = [one for one in self._owners.values() if one.bearer]
            open_ones = await asyncio.gather(
                *(settle_one(self._shoppers + n, owner) for n, owner in enumerate(owners))
            )
            reader = _Sender(client, self.observe, self._shoppers, _Owner({}), deadline)
            unread = [not await reader.repeat(look_up(skus), _is_ok) for skus in self._stock()]
        return sum(open_ones) + sum(unread)

    def _note_session(self, request: Request, access_token: str) -> None:
        owner = self._owners[subject_of(access_token)]
        owner.bearer = as_bearer(access_token)
        if request.json and "email" in request.json:
            owner.account = request.json

    def _note_order(self, request: Request, response: Response) -> None:
        owner, key = self._owners[owner_of(request)], request.headers["idempotency-key"]
        if not decides_key(response):
            owner.undecided[key] = request
            return
        owner.undecided.pop(key, None)
        if response.ok:
            owner.orders.add(json_object(response).get("id", ""))

    def _stock(self) -> Iterator[Sequence[str]]:
        skus = sorted(self._skus)
        for start in range(0, len(skus), SKUS_AT_ONCE):
            yield skus[start : start + SKUS_AT_ONCE]


class _Sender:
    """Settles what one owner has left open, as one more shopper."""

    def __init__(
        self,
        client: HttpClient,
        observe: Callable[[Exchange], None],
        number: int,
        owner: _Owner,
        deadline: float,
    ) -> None:
        self._client = client
        self._observe = observe
        self._number = number
        self._owner = owner
        self._deadline = deadline

    async def settle(self) -> int:
        """Returns how much is still open."""
        owner = self._owner
        for request in list(owner.undecided.values()):
            await self.repeat(request, decides_key)
        pending = [
            order
            for order in sorted(owner.orders)
            if not await self.repeat(read_order(owner.bearer, order), _is_decided)
        ]
        is_read = not owner.has_cart or await self.repeat(read_cart(owner.bearer), _is_ok)
        return len(owner.undecided) + len(pending) + (not is_read)

    async def repeat(self, request: Request, is_done: Callable[[Response], bool]) -> bool:
        """Send it until this is true of its response; False if it did not become true in time.

        There is nothing to wait for when the token of a guest has expired.
        """
        while time.monotonic() < self._deadline:
            response = await self._send(self._with_bearer(request))
            if is_done(response):
                return True
            if response.status == 401:
                if self._owner.account is None:  # a guest's session cannot be opened again
                    return has_expired(token_in(self._owner.bearer))
                await self._send(log_in(self._owner.account))
            await asyncio.sleep(PAUSE)
        return False

    def _with_bearer(self, request: Request) -> Request:
        return replace(request, headers={**request.headers, **self._owner.bearer})

    async def _send(self, request: Request) -> Response:
        called_at = time.monotonic()
        response = await self._client.send(request)
        self._observe(Exchange(self._number, request, response, called_at, time.monotonic()))
        return response


def _is_ok(response: Response) -> bool:
    return response.ok


def _is_decided(order: Response) -> bool:
    return order.ok and json_object(order).get("status") != PENDING
