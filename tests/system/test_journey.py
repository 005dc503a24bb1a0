"""A shopper's journey through the public API of the storefront."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.shop import ADDRESS, PASSWORD
from tests.system.shop import RunningShop, shop_up

STORY = ["confirmed", "packed", "shipped", "out_for_delivery", "delivered"]
MAX_MEMORY = 600 * 1024 * 1024


@pytest.fixture
def shop() -> Iterator[RunningShop]:
    with shop_up(
        CARTWHEEL_COURIER_STEP_SECONDS="0.3",
        CARTWHEEL_COURIER_ROUNDS_SECONDS="0.1",
        CARTWHEEL_EVENTS_POLL_SECONDS="0.1",
    ) as shop:
        yield shop


class Visitor:
    """A client of `/api` of the storefront."""

    def __init__(self, shop: RunningShop) -> None:
        self._client = httpx2.Client(base_url=f"{shop.url('storefront')}/api", timeout=10)
        self.token = ""

    def request(self, method: str, path: str, *, expect: int, **content: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= content.pop("headers", {})
        answer = self._client.request(method, path, headers=headers, **content)
        assert answer.status_code == expect, answer.text
        return answer

    def events(
        self, order_id: str, *, after: int = 0, limit: int = len(STORY)
    ) -> list[tuple[int, str]]:
        """Id and status of the events after event ``after``, up to ``limit`` or to the end."""
        headers = {"authorization": f"Bearer {self.token}", "accept": "text/event-stream"}
        headers |= {"last-event-id": str(after)} if after else {}
        path = f"/tracking/v1/orders/{order_id}/events"
        seen: list[tuple[int, str]] = []
        with self._client.stream("GET", path, headers=headers, timeout=20) as stream:
            assert stream.status_code == 200
            for event in events_of(stream):
                if event.get("event") == "shipment":
                    seen.append((int(event["id"]), json.loads(event["data"])["status"]))
                if event.get("event") == "end" or len(seen) == limit:
                    return seen
        raise AssertionError(f"the stream broke off after {seen}")


def events_of(stream: httpx2.Response) -> Iterator[dict[str, str]]:
    """The fields of each server-sent event."""
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        if not line:
            yield fields
            fields = {}
        name, _, value = line.partition(": ")
        fields[name] = value


def test_a_guest_becomes_a_customer_orders_once_and_watches_the_parcel_arrive(
    shop: RunningShop,
) -> None:
    assert shop.run.status()["memory"] <= MAX_MEMORY
    visitor = Visitor(shop)
    guest_token = visitor.request("POST", "/user/v1/guests", expect=201).json()["access_token"]
    visitor.token = guest_token
    goods = visitor.request("GET", "/products/v1/products?limit=2", expect=200).json()["items"]
    for product in goods:
        line = {"sku": product["sku"], "quantity": 1}
        visitor.request("POST", "/cart/v1/cart/items", expect=200, json=line)

    visitor.token = ""
    account = {"email": "ann@shop.example", "password": PASSWORD, "name": "Ann"}
    visitor.request("POST", "/user/v1/users", expect=201, json=account)
    credentials = {"email": "ann@shop.example", "password": PASSWORD}
    tokens = visitor.request("POST", "/user/v1/sessions", expect=201, json=credentials).json()
    visitor.token = tokens["access_token"]
    merged = visitor.request(
        "POST", "/cart/v1/cart:merge", expect=200, json={"guest_token": guest_token}
    ).json()
    assert {line["sku"] for line in merged["lines"]} == {product["sku"] for product in goods}

    total = {
        "amount": sum(product["price"]["amount"] for product in goods),
        "currency": goods[0]["price"]["currency"],
    }
    order = {"expected_total": total, "address": ADDRESS}
    key = {"idempotency-key": "the-order-of-ann"}
    first, second = (
        visitor.request("POST", "/tracking/v1/orders", expect=201, json=order, headers=key)
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    (kept,) = visitor.request("GET", "/tracking/v1/orders", expect=200).json()["items"]
    assert kept["id"] == first.json()["id"]
    assert visitor.request("GET", "/cart/v1/cart", expect=200).json()["lines"] == []

    beginning = visitor.events(kept["id"], limit=2)
    assert beginning == [(1, "confirmed"), (2, "packed")]
    rest = visitor.events(kept["id"], after=2)
    assert [*beginning, *rest] == list(enumerate(STORY, start=1))


def test_ctrl_c_stops_the_whole_shop_in_time_and_leaves_no_orphan(shop: RunningShop) -> None:
    children = shop.run.children()
    asked = time.monotonic()
    shop.run.process.send_signal(signal.SIGINT)
    assert shop.run.exit_code() == 0
    assert time.monotonic() - asked <= 3.0
    # On Linux, replicas are forked from one more process.
    assert len(children) == 6 + (sys.platform == "linux")
    assert not any(process.is_running() for process in children)
