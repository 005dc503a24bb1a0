"""Probes: what single shoppers get from the shop, each asking for one thing again and again.

Each request is sent a fixed time after the one before it, or after its response if that took
longer. Operations of probes are part of the history, as those of all shoppers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from cartwheel.chaos.catalogue import ProbeName
from cartwheel.errors import CommandError
from loadtest.http_client import HttpClient
from loadtest.messages import Exchange, Request, Response
from loadtest.paths import CART, ORDER, PRODUCTS, TRACKING, USER

INTERVAL = 0.25
CHECKOUT_INTERVAL = 0.5
TIMEOUT = 10.0
ADDS_PER_CART = 40
# Numbers of shoppers of the load begin at 0.
FIRST_SHOPPER = 1_000_000
PASSWORD = "a wheel within a wheel"
ADDRESS = {
    "name": "Petra Probe",
    "line1": "1 Wheel Lane",
    "city": "Springfield",
    "postal_code": "12345",
    "country": "DE",
}

Headers = Mapping[str, str]
NOBODY: Headers = {}


@dataclass(frozen=True)
class Seen:
    """What became of one request. Times are of the monotonic clock."""

    called_at: float
    returned_at: float
    ok: bool

    @property
    def seconds(self) -> float:
        return self.returned_at - self.called_at


@dataclass
class Probe:
    """``send`` returns whether it got what it wanted; None if that says nothing."""

    send: Callable[[], Awaitable[bool | None]]
    interval: float
    seen: list[Seen] = field(default_factory=list)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until it is to stop: a request that was sent is never given up."""
        while not stopping.is_set():
            called_at = time.monotonic()
            ok = await self.send()
            returned_at = time.monotonic()
            if ok is not None:
                self.seen.append(Seen(called_at, returned_at, ok))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(called_at + self.interval - returned_at, 0.0)):
                    await stopping.wait()


class Probes:
    """All of them. Use `open_probes`."""

    def __init__(self, client: HttpClient, *, record: Callable[[Exchange], None]) -> None:
        self._client = client
        self._record = record
        self._guest: Headers = {}
        self._customer: Headers = {}
        self._sku, self._price = "", {"amount": 0, "currency": "EUR"}
        self._adds = 0
        self.all: Mapping[ProbeName, Probe] = {
            "home": Probe(self._home, INTERVAL),
            "browse": Probe(self._browse, INTERVAL),
            "cart-read": Probe(self._read_cart, INTERVAL),
            "cart-add": Probe(self._add_to_cart, INTERVAL),
            "account": Probe(self._read_account, INTERVAL),
            "orders": Probe(self._read_orders, INTERVAL),
            "checkout": Probe(self._check_out, CHECKOUT_INTERVAL),
        }

    async def prepare(self) -> Self:
        """Find a product, open a guest's session and an account. Raises `CommandError`."""
        self._choose_product(await self._expect("GET", f"{PRODUCTS}/products", "?limit=100"))
        self._guest = _bearer(await self._expect("POST", f"{USER}/guests"))
        email = f"probe-{uuid4()}@example.com"
        account = {"email": email, "password": PASSWORD}
        await self._expect("POST", f"{USER}/users", json={**account, "name": "Petra Probe"})
        self._customer = _bearer(await self._expect("POST", f"{USER}/sessions", json=account))
        return self

    def _choose_product(self, listed: Any) -> None:
        """The one of which there is most. Raises `CommandError`."""
        if not listed["items"]:
            raise CommandError("The shop has no products yet: try again in a moment.")
        product = max(listed["items"], key=lambda one: int(one["available"]))
        self._sku, self._price = product["sku"], product["price"]

    async def _home(self) -> bool:
        """With the guest's cookie, so that the page shows the cart, too."""
        token = self._guest["authorization"].removeprefix("Bearer ")
        cookies = {"cookie": f"cartwheel_access={token}"}
        return (await self._send("GET", "/", shopper=cookies, number=6)).ok

    async def _browse(self) -> bool:
        return (await self._send("GET", f"{PRODUCTS}/products", "?limit=24", number=7)).ok

    async def _read_cart(self) -> bool:
        return (await self._send("GET", f"{CART}/cart", shopper=self._guest, number=1)).ok

    async def _add_to_cart(self) -> bool | None:
        self._adds += 1
        if self._adds % ADDS_PER_CART == 0:
            await self._send("DELETE", f"{CART}/cart", shopper=self._guest, number=2)
        added = await self._add(self._guest, number=2)
        if added.status == 409:  # more than a line may have, as after responses that were lost
            self._adds = -1
            return None
        return added.ok

    async def _read_account(self) -> bool:
        read = await self._send("GET", f"{USER}/users/me", shopper=self._customer, number=3)
        return read.ok

    async def _read_orders(self) -> bool:
        read = await self._send("GET", f"{TRACKING}/orders", shopper=self._customer, number=4)
        return read.ok

    async def _check_out(self) -> bool | None:
        added = await self._add(self._customer, number=5)
        if not added.ok:
            return False
        quantity = sum(line["quantity"] for line in added.json["lines"])
        total = {**self._price, "amount": self._price["amount"] * quantity}
        ordered = await self._send(
            "POST",
            f"{TRACKING}/orders",
            json={"expected_total": total, "address": ADDRESS},
            shopper={**self._customer, "idempotency-key": str(uuid4())},
            number=5,
        )
        if ordered.status == 409:
            await self._begin_again()
            return None
        if ordered.ok:
            # So that there is still something to buy after many runs.
            path = f"{ORDER}:cancel"
            await self._send(
                "POST", path, shopper=self._customer, number=5, order_id=ordered.json["id"]
            )
        return ordered.ok

    async def _begin_again(self) -> None:
        """The cart was ordered by a request whose response was lost, or a product is sold out."""
        await self._send("DELETE", f"{CART}/cart", shopper=self._customer, number=5)
        listed = await self._send("GET", f"{PRODUCTS}/products", "?limit=100", number=5)
        if listed.ok and listed.json["items"]:
            self._choose_product(listed.json)

    async def _add(self, shopper: Headers, *, number: int) -> Response:
        line = {"sku": self._sku, "quantity": 1}
        path = f"{CART}/cart/items"
        return await self._send("POST", path, json=line, shopper=shopper, number=number)

    async def _expect(self, method: str, path: str, query: str = "", *, json: Any = None) -> Any:
        response = await self._send(method, path, query, json=json)
        if not response.ok:
            reason = response.error or f"it responded with {response.status}"
            raise CommandError(f"The shop does not work before any fault: {path}: {reason}.")
        return response.json

    async def _send(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        json: Any = None,
        shopper: Headers = NOBODY,
        number: int = 0,
        order_id: str = "",
    ) -> Response:
        """``number`` tells apart what is sent at the same time."""
        request = Request(
            path, method, path.format(id=order_id) + query, json=json, headers=shopper
        )
        called_at = time.monotonic()
        response = await self._client.send(request)
        returned_at = time.monotonic()
        number += FIRST_SHOPPER
        self._record(Exchange(number, request, response, called_at, returned_at))
        return response


def _bearer(session: Any) -> Headers:
    return {"authorization": f"Bearer {session['access_token']}"}


@asynccontextmanager
async def open_probes(
    target: str, *, record: Callable[[Exchange], None]
) -> AsyncIterator[Mapping[ProbeName, Sequence[Seen]]]:
    """Probe during the block; what they see is added to the lists. Raises `CommandError`."""
    async with HttpClient(target, timeout=TIMEOUT, max_connections=16) as client:
        probes = await Probes(client, record=record).prepare()
        stopping = asyncio.Event()
        tasks = [asyncio.create_task(probe.run(stopping)) for probe in probes.all.values()]
        try:
            yield {name: probe.seen for name, probe in probes.all.items()}
            stopping.set()
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
