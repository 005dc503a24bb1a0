"""The whole shop as real processes, each service with a store of its own."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2

from app.stores.database import Database
from app.stores.migrations import migrate
from app.telemetry.metrics import Metrics
from services.products.seed import seed
from tests.support.processes import ServiceProcess, listen, start_service, url_of

SERVICES = ("products", "cart", "user", "tracking", "storefront")
WITH_STORE = ("products", "cart", "user", "tracking")
SERVICE_TOKEN = "shown-between-the-services-of-this-shop"
STAFF = {"email": "staff@shop.example", "password": "the keys to the storeroom"}
PASSWORD = "a wheel within a wheel"
ADDRESS = {
    "name": "Ann Axle",
    "line1": "Hub Street 1",
    "postal_code": "12345",
    "city": "Rimville",
    "country": "DE",
}
JWT = r"\beyJ[\w-]+\.[\w-]+"
SKU = "CART-TROLLEY-01"

READY_WITHIN = 60.0
"""Seconds; long, because five processes start at once on a busy machine."""

_NO_LIMIT = "60000"
_ENVIRONMENT = {
    "CARTWHEEL_SERVICE_TOKENS": SERVICE_TOKEN,
    # The most verbose level: some tests look for secrets in the logs.
    "CARTWHEEL_LOG_LEVEL": "debug",
    # Short, but long enough for a regular client on a busy machine.
    "CARTWHEEL_HEADER_TIMEOUT": "1.5",
    "CARTWHEEL_BODY_TIMEOUT": "1.5",
    "CARTWHEEL_CONNECTION_MAX_AGE": "600",
    "CARTWHEEL_STAFF_EMAIL": STAFF["email"],
    "CARTWHEEL_STAFF_PASSWORD": STAFF["password"],
    # All tests share one address.
    "CARTWHEEL_REGISTRATIONS_PER_ADDRESS": _NO_LIMIT,
    "CARTWHEEL_GUESTS_PER_ADDRESS": _NO_LIMIT,
    "CARTWHEEL_FAILED_PASSWORDS_PER_ADDRESS": _NO_LIMIT,
}


@dataclass(frozen=True)
class Person:
    """A user with an account who is logged in."""

    email: str
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.access_token}"}


class Shop:
    """The running services, and requests to them."""

    def __init__(
        self,
        processes: Mapping[str, ServiceProcess],
        environments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._processes = processes
        self._environments = environments or {}
        self._numbers = itertools.count()
        self._http = httpx2.Client(timeout=30.0, verify=False)

    def process(self, service: str) -> ServiceProcess:
        return self._processes[service]

    def environment(self, service: str) -> Mapping[str, str]:
        """The variables that a further replica of the service needs."""
        return self._environments[service]

    def url(self, service: str) -> str:
        return self._processes[service].url

    def request(self, service: str, method: str, path: str, **content: Any) -> httpx2.Response:
        return self._http.request(method, self.url(service) + path, **content)

    def lines_with_secrets(self, service: str, *secrets: str) -> list[str]:
        """The lines of its log with one of these secrets, or with one that all tests share."""
        shared = (SERVICE_TOKEN, STAFF["password"], PASSWORD, ADDRESS["name"], ADDRESS["line1"])
        pattern = re.compile("|".join([*map(re.escape, (*shared, *secrets)), JWT]))
        return [line for line in self.process(service).output.splitlines() if pattern.search(line)]

    def close(self) -> None:
        self._http.close()

    def person(self) -> Person:
        """A new user."""
        email = f"person-{next(self._numbers)}-{time.monotonic_ns()}@shop.example"
        account = {"email": email, "password": PASSWORD, "name": "Ann"}
        assert self.request("user", "POST", "/v1/users", json=account).status_code == 201
        return self.logged_in(email, PASSWORD)

    def guest(self) -> dict[str, str]:
        """The request headers of a new guest."""
        tokens = self.request("user", "POST", "/v1/guests").json()
        return {"authorization": f"Bearer {tokens['access_token']}"}

    @cached_property
    def known_person(self) -> Person:
        """Always the same user, for tests that leave nothing behind."""
        return self.person()

    @cached_property
    def known_guest(self) -> dict[str, str]:
        """Always the same guest, for tests that leave nothing behind."""
        return self.guest()

    @cached_property
    def staff(self) -> dict[str, str]:
        """The request headers of a member of staff."""
        return self.logged_in(STAFF["email"], STAFF["password"]).headers

    def order(
        self, person: Person, *, sku: str = SKU, address: Mapping[str, str] = ADDRESS
    ) -> dict[str, Any]:
        """Add one piece to the cart and check out."""
        self.request("cart", "POST", "/v1/cart/items", headers=person.headers, json=_one(sku))
        found = self.request("products", "POST", "/v1/products:lookup", json={"skus": [sku]})
        answer = self.request(
            "tracking",
            "POST",
            "/v1/orders",
            headers={**person.headers, "idempotency-key": f"key-{next(self._numbers)}"},
            json={"expected_total": found.json()["items"][0]["price"], "address": dict(address)},
        )
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    def logged_in(self, email: str, password: str) -> Person:
        """Log in to an existing account."""
        credentials = {"email": email, "password": password}
        answer = self.request("user", "POST", "/v1/sessions", json=credentials)
        assert answer.status_code == 201, answer.text
        tokens = answer.json()
        return Person(email, tokens["access_token"], tokens["refresh_token"])


Route = Callable[[str, str, str], str]
"""From a caller, the service that it calls, and its URL: the URL that the caller uses."""


def directly(caller: str, callee: str, url: str) -> str:
    return url


@asynccontextmanager
async def running_shop(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    stores: Mapping[str, str] | None = None,
    route: Route = directly,
) -> AsyncIterator[Shop]:
    """Run the five services, migrated, seeded and ready; `folder` gets their files.

    `environment` has settings for all of them, `stores` the URLs of stores that are not `folder`'s
    files.
    """
    files = {service: f"sqlite:///{folder}/{service}.sqlite3" for service in WITH_STORE}
    urls = {**files, **(stores or {})}
    for service, url in urls.items():
        if not url.startswith("valkey:"):
            await migrate(f"services.{service}", url)
    async with Database(urls["products"], metrics=Metrics("products")) as database:
        await seed(database, currency="EUR")
    listeners = {service: listen() for service in SERVICES}
    environments = {}
    for service in SERVICES:
        routes = {
            f"CARTWHEEL_{other.upper()}_URL": route(service, other, url_of(listeners[other]))
            for other in SERVICES
        }
        own = {"CARTWHEEL_STORE_URL": urls[service]} if service in urls else {}
        environments[service] = {**_ENVIRONMENT, **routes, **own, **(environment or {})}
    async with AsyncExitStack() as stack:
        processes = {}
        for service, listener in listeners.items():
            stack.callback(listener.close)
            process = start_service(
                service,
                environments[service],
                folder=folder,
                listener=listener,
                wait=False,
            )
            processes[service] = await stack.enter_async_context(process)
        await asyncio.gather(
            *(process.ready(within=READY_WITHIN) for process in processes.values())
        )
        shop = Shop(processes, environments)
        stack.callback(shop.close)
        yield shop


def _one(sku: str) -> dict[str, Any]:
    return {"sku": sku, "quantity": 1}
