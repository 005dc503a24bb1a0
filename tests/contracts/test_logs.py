"""Whatever happens in the shop, its logs tell nobody's secrets and cannot be forged."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.raw_http import send_raw
from tests.support.shop import SERVICE_TOKEN, SERVICES, SKU, Person, Shop

SECRET = "zx81canary"
"""In each of the secrets below; nothing that is logged may hold it."""
EMAIL = f"{SECRET}@shop.example"
PASSWORD = f"{SECRET} in a cage"
ADDRESS = {
    "name": f"{SECRET} Axle",
    "line1": f"{SECRET} Street 1",
    "city": f"{SECRET}ville",
    "postal_code": "ZX81",
    "country": "DE",
}
FORGED = {"event": "order.confirmed", "forged": "by-a-stranger"}
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    """Somebody who has shopped, made mistakes, and shopped again through the pages."""
    account = {"email": EMAIL, "password": PASSWORD, "name": f"{SECRET} Axle"}
    shop.request("user", "POST", "/v1/users", json=account)
    person = shop.logged_in(EMAIL, PASSWORD)
    _shop_around(shop, person)
    _make_mistakes(shop, person)
    _use_the_pages(shop)
    return person


def _shop_around(shop: Shop, person: Person) -> None:
    order = shop.order(person, address=ADDRESS)
    shop.request("tracking", "GET", f"/v1/orders/{order['id']}", headers=person.headers)
    shop.request("tracking", "POST", f"/v1/orders/{order['id']}:cancel", headers=person.headers)
    refresh = {"refresh_token": person.refresh_token}
    for _ in range(2):  # the second time, the token has been used
        shop.request("user", "POST", "/v1/sessions:refresh", json=refresh)
    change = {"password": f"{PASSWORD} too", "current_password": PASSWORD}
    shop.request("user", "PATCH", "/v1/users/me", json=change, headers=person.headers)
    change = {"password": PASSWORD, "current_password": f"{PASSWORD} too"}
    shop.request("user", "PATCH", "/v1/users/me", json=change, headers=person.headers)


def _make_mistakes(shop: Shop, person: Person) -> None:
    wrong = {"email": EMAIL, "password": f"not {PASSWORD}"}
    bad = {"authorization": f"Bearer {person.access_token[:-4]}{SECRET}"}
    for prefix, service in (("", "user"), ("/api/user", "storefront")):
        shop.request(service, "POST", f"{prefix}/v1/sessions", json=wrong)
        shop.request(service, "POST", f"{prefix}/v1/sessions", json={**wrong, "role": SECRET})
        shop.request(service, "POST", f"{prefix}/v1/sessions", content=json.dumps(wrong)[:-2])
        shop.request(service, "GET", f"{prefix}/v1/users/me", headers=bad)
    for service in SERVICES:
        shop.request(service, "GET", f"/v1/cart?access_token={person.access_token}&p={SECRET}")
        shop.request(service, "GET", f"/v1/{SECRET}", headers={"x-service-token": SECRET, **bad})
    order = {"expected_total": {"amount": 1, "currency": "EUR"}, "address": ADDRESS}
    headers = {**person.headers, "idempotency-key": SECRET}
    shop.request("tracking", "POST", "/v1/orders", json=order, headers=headers)
    taken = {"order_id": "order-logs", "subject": SECRET, "lines": [{"sku": SKU, "quantity": 1}]}
    for token in (SERVICE_TOKEN, SECRET):
        shop.request(
            "cart", "POST", "/v1/cart:take", json=taken, headers={"x-service-token": token}
        )


def _use_the_pages(shop: Shop) -> None:
    with httpx2.Client(base_url=shop.url("storefront"), headers=PAGE, timeout=30.0) as browser:
        statuses = []
        for password in (f"not {PASSWORD}", PASSWORD):
            fields = _hidden_fields(browser.get("/login").text)
            form = {**fields, "email": EMAIL, "password": password}
            statuses.append(browser.post("/login", data=form).status_code)
        assert statuses[-1] == 303, "logged in"
        browser.post(f"/products/{SKU}", data=_hidden_fields(browser.get(f"/products/{SKU}").text))
        fields = _hidden_fields(browser.get("/checkout").text)
        browser.post("/checkout", data={**fields, **ADDRESS})


def _hidden_fields(page: str) -> dict[str, str]:
    hidden = (tag for tag in re.findall(r"<input[^>]*>", page) if 'type="hidden"' in tag)
    pairs = ((re.search(r'name="([^"]*)"', t), re.search(r'value="([^"]*)"', t)) for t in hidden)
    return {name[1]: value[1] for name, value in pairs if name and value}


@pytest.mark.fault(79)
@pytest.mark.parametrize("service", SERVICES)
def test_no_log_line_holds_a_secret(shop: Shop, person: Person, service: str) -> None:
    assert shop.lines_with_secrets(service, SECRET, person.access_token, person.refresh_token) == []


@pytest.mark.fault(79)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_log_line_cannot_be_forged(shop: Shop, service: str) -> None:
    line = json.dumps(FORGED)
    quoted = "%0a" + "".join(f"%{byte:02x}" for byte in line.encode()) + "%0a"
    for data in (
        f"GET /v1/{quoted} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /v1/cart?q={quoted} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /v1/cart HTTP/1.1\r\nHost: a\r\nX-Request-Id: 1{line}\r\n\r\n",
        f"GET /v1/cart HTTP/1.1\r\nHost: a\r\nUser-Agent: {line}\r\nTraceparent: {line}\r\n\r\n",
        f"GET /v1/cart HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {line}\r\n\r\n",
    ):
        assert (await send_raw(shop.url(service), data.encode())).status < 500
    events = list(_events(shop, service))
    assert events
    assert not any("forged" in event for event in events)


def _events(shop: Shop, service: str) -> Iterator[dict[str, Any]]:
    """Its log; fails on a line that is no JSON object of this service."""
    for line in shop.process(service).output.splitlines():
        event = json.loads(line)
        assert event["service"] == service
        yield event
