"""Requests that prepare a shop: guests, accounts, sessions, carts. Blocking; not measured."""

import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

STAFF_EMAIL = "staff@bench.example"
PASSWORD = "a wheel within a wheel"
TIMEOUT = 30.0
ADDRESS = {
    "name": "Ann Axle",
    "line1": "Hub Street 1",
    "postal_code": "12345",
    "city": "Rimville",
    "country": "DE",
}
HIDDEN_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class HttpError(Exception):
    """A request that was not answered as expected."""


@dataclass(frozen=True)
class ShopClient:
    """``urls`` are the services', ``service_token`` is what they show each other."""

    urls: Mapping[str, str]
    service_token: str

    def call(
        self, service: str, method: str, path: str, *, token: str = "", body: Any = None
    ) -> Any:
        """The JSON of the response, None without any. Raises `HttpError`."""
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return self.send(service, method, path, body=body, headers=headers)

    def call_as_service(self, service: str, method: str, path: str, *, body: Any = None) -> Any:
        """As `call`, with the service token."""
        headers = {"content-type": "application/json", "x-service-token": self.service_token}
        return self.send(service, method, path, body=body, headers=headers)

    def send(
        self, service: str, method: str, path: str, *, body: Any, headers: Mapping[str, str]
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.urls[service] + path, method=method, data=data, headers=dict(headers)
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return json.loads(response.read() or b"null")
        except (OSError, ValueError) as error:
            raise HttpError(f"{method} {path}: {error}") from error

    def skus(self) -> list[str]:
        """The products in stock."""
        listed = self.call("products", "GET", "/v1/products?limit=100&in_stock=true")
        return [product["sku"] for product in listed["items"]]

    def guest(self) -> str:
        """The access token of a new guest."""
        return str(self.call("user", "POST", "/v1/guests")["access_token"])

    def account(self) -> str:
        """The access token of a new account."""
        email = f"{uuid.uuid4()}@bench.example"
        account = {"email": email, "password": PASSWORD, "name": "Ann"}
        self.call("user", "POST", "/v1/users", body=account)
        return self.session(email)

    def session(self, email: str) -> str:
        """The access token of an account that exists."""
        body = {"email": email, "password": PASSWORD}
        return str(self.call("user", "POST", "/v1/sessions", body=body)["access_token"])

    def set_stock(self, sku: str, available: int, *, token: str) -> None:
        """``token`` is the staff's."""
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {token}",
            "if-match": "*",
        }
        body = {"available": available}
        self.send("products", "PUT", f"/v1/products/{sku}/stock", body=body, headers=headers)

    def order(self, token: str, sku: str, *, key: str) -> str:
        """The id of a new order of one piece."""
        self.call("cart", "POST", "/v1/cart/items", token=token, body={"sku": sku, "quantity": 1})
        price = self.call("products", "GET", f"/v1/products/{sku}")["price"]
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {token}",
            "idempotency-key": key,
        }
        body = {"expected_total": price, "address": ADDRESS}
        order = self.send("tracking", "POST", "/v1/orders", body=body, headers=headers)
        return str(order["id"])

    def shopper_cookies(self, sku: str, *, with_account: bool = False) -> str:
        """The cookies of a browser that has put a product into the cart."""
        jar = CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self._submit(browser, f"/products/{sku}", "/cart/items", {"sku": sku, "quantity": "1"})
        if with_account:
            account = {"email": f"{uuid.uuid4()}@bench.example", "password": PASSWORD}
            self._submit(browser, "/register", "/register", {**account, "name": "Ann"})
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def _submit(
        self,
        browser: urllib.request.OpenerDirector,
        page: str,
        action: str,
        entered: Mapping[str, str],
    ) -> None:
        """Open a page and send its form. Raises `HttpError`."""
        origin = self.urls["storefront"]
        try:
            with browser.open(origin + page, timeout=TIMEOUT) as response:
                fields = dict(HIDDEN_FIELD.findall(response.read().decode()))
            form = urlencode({**fields, **entered}).encode()
            headers = {"Origin": origin, "Referer": f"{origin}/"}
            submission = urllib.request.Request(origin + action, data=form, headers=headers)
            browser.open(submission, timeout=TIMEOUT).close()
        except OSError as error:
            raise HttpError(f"POST {action}: {error}") from error
