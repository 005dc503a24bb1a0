"""Which operations of a history the exchanges of a load are."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from loadtest.access_tokens import name_of_token
from loadtest.history import Operation, Outcome
from loadtest.messages import Exchange, Request, Response
from loadtest.recorder import Recorder

TOTAL = {"amount": 700, "currency": "EUR"}
CART = {"version": 4, "lines": [{"sku": "TOY-1", "quantity": 2}], "updated_at": None}
SEEN = {"version": 4, "lines": {"TOY-1": 2}}
ORDER = {"id": "ord_1", "status": "confirmed", "total": TOTAL, "lines": CART["lines"]}
PLACED = {"id": "ord_1", "total": 700, "lines": {"TOY-1": 2}}
REPLAYED = {"idempotency-replayed": "true"}


def token(subject: str, **claims: float) -> str:
    document = json.dumps({"sub": subject, **claims}).encode()
    payload = base64.urlsafe_b64encode(document).decode().rstrip("=")
    return f"head.{payload}.signature"


ANN = {"authorization": f"Bearer {token('ann')}"}


class History:
    """Plays exchanges of one shopper to a recorder."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._recorder = Recorder(self.operations.append)

    def add(
        self,
        method: str,
        name: str,
        status: int = 200,
        answer: Any = None,
        *,
        path: str = "",
        body: Any = None,
        headers: Mapping[str, str] = ANN,
        error: str = "",
        marks: Mapping[str, str] | None = None,
    ) -> list[Operation]:
        """Returns the operations that this exchange was."""
        before = len(self.operations)
        request = Request(f"/api/{name}", method, path or f"/api/{name}", body, headers)
        response = Response(status, json.dumps(answer).encode(), error, marks or {})
        self._recorder.record(Exchange(7, request, response, 1.0, 2.0))
        return self.operations[before:]

    def one(self, *arguments: Any, **keywords: Any) -> Operation:
        (operation,) = self.add(*arguments, **keywords)
        return operation


@pytest.fixture
def history() -> History:
    return History()


ITEM = "cart/v1/cart/items/{sku}"
ITEM_PATH = "/api/cart/v1/cart/items/TOY-1"
LINE = {"sku": "TOY-1", "quantity": 2}


@pytest.mark.parametrize(
    ("method", "name", "options", "call", "asked"),
    [
        ("GET", "cart/v1/cart", {}, "read", {}),
        ("DELETE", "cart/v1/cart", {}, "clear", {}),
        ("POST", "cart/v1/cart/items", {"body": LINE}, "add", LINE),
        (
            *("POST", "cart/v1/cart/items"),
            {"body": LINE, "headers": {**ANN, "idempotency-key": "k"}},
            *("add", {**LINE, "key": "k"}),
        ),
        ("PUT", ITEM, {"path": ITEM_PATH, "body": {"quantity": 2}}, "set", LINE),
        ("DELETE", ITEM, {"path": ITEM_PATH}, "remove", {"sku": "TOY-1"}),
        (
            *("POST", "cart/v1/cart:merge", {"body": {"guest_token": token("guest_1")}}),
            *("merge", {"from": "guest_1"}),
        ),
    ],
)
def test_a_call_of_the_cart_is_an_operation_on_the_cart_of_its_owner(
    history: History, method: str, name: str, options: Any, call: str, asked: Any
) -> None:
    found = history.one(method, name, answer=CART, **options)
    assert found == Operation(7, "cart/ann", call, asked, SEEN, Outcome.OK, 1.0, 2.0)


def test_an_add_that_had_been_done_before_says_so(history: History) -> None:
    found = history.one("POST", "cart/v1/cart/items", answer=CART, body=LINE, marks=REPLAYED)
    assert found.output == {**SEEN, "replayed": True}


PROBLEM = {"type": "urn:cartwheel:problem:cart-limit"}


@pytest.mark.parametrize(
    ("status", "answer", "error", "outcome", "problem"),
    [
        (409, PROBLEM, "", Outcome.REFUSED, "cart-limit"),
        (429, None, "", Outcome.REFUSED, "429"),
        (409, {"type": "urn:cartwheel:problem:in-progress"}, "", Outcome.UNKNOWN, "in-progress"),
        (503, {"type": "urn:cartwheel:problem:overloaded"}, "", Outcome.UNKNOWN, "overloaded"),
        (0, None, "timeout", Outcome.UNKNOWN, "timeout"),
        (0, None, "given_up", Outcome.UNKNOWN, "given_up"),
        (0, None, "refused", Outcome.REFUSED, "refused"),
        (200, {"version": 3}, "", Outcome.UNKNOWN, "invalid_response"),
        (200, {"version": 3, "lines": [[]]}, "", Outcome.UNKNOWN, "invalid_response"),
    ],
)
def test_the_outcome_is_what_the_response_says(
    history: History, status: int, answer: Any, error: str, outcome: Outcome, problem: str
) -> None:
    found = history.one("POST", "cart/v1/cart/items", status, answer, body=LINE, error=error)
    assert (found.outcome, found.output) == (outcome, {"problem": problem})


def test_an_order_is_placed_with_its_key_and_what_the_shopper_saw_in_the_cart(
    history: History,
) -> None:
    history.add("GET", "cart/v1/cart", answer=CART)
    headers = {**ANN, "idempotency-key": "k-1"}
    order = {"expected_total": TOTAL, "address": {"name": "Ann"}}
    made, again = (
        history.one(
            "POST", "tracking/v1/orders", 201, ORDER, body=order, headers=headers, marks=marks
        )
        for marks in ({}, REPLAYED)
    )
    assert (made.object, made.call) == (again.object, again.call) == ("order/ann/k-1", "place")
    assert made.input == again.input == {"expected_total": 700, "lines": {"TOY-1": 2}}
    assert made.output == {**PLACED, "status": "confirmed"}
    assert again.output == {**PLACED, "replayed": True}


@pytest.mark.parametrize(
    ("method", "suffix", "call"), [("GET", "", "read"), ("POST", ":cancel", "cancel")]
)
def test_a_later_call_about_an_order_is_on_the_same_object(
    history: History, method: str, suffix: str, call: str
) -> None:
    path = f"/api/tracking/v1/orders/ord_1{suffix}"
    route = f"tracking/v1/orders/{{id}}{suffix}"
    assert history.add(method, route, answer=ORDER, path=path) == []
    headers = {**ANN, "idempotency-key": "k-1"}
    body = {"expected_total": TOTAL, "address": {}}
    history.add("POST", "tracking/v1/orders", 202, ORDER, body=body, headers=headers)
    found = history.one(method, route, answer=ORDER, path=path)
    assert (found.object, found.call, found.output["id"]) == ("order/ann/k-1", call, "ord_1")


@pytest.mark.parametrize(("status", "done"), [(200, {"done": True}), (202, {})])
def test_a_cancel_says_whether_money_and_stock_are_given_back(
    history: History, status: int, done: Mapping[str, bool]
) -> None:
    headers = {**ANN, "idempotency-key": "k-1"}
    body = {"expected_total": TOTAL, "address": {}}
    history.add("POST", "tracking/v1/orders", 201, ORDER, body=body, headers=headers)
    cancelled = {**ORDER, "status": "cancelled"}
    found = history.one(
        *("POST", "tracking/v1/orders/{id}:cancel", status, cancelled),
        path="/api/tracking/v1/orders/ord_1:cancel",
    )
    assert found.output == {**PLACED, "status": "cancelled", **done}


def test_a_lookup_reads_the_stock_of_each_product(history: History) -> None:
    found = history.add(
        *("POST", "products/v1/products:lookup"),
        answer={"items": [{"sku": "A-1", "available": 3}, {"sku": "B-1", "available": 0}]},
        body={"skus": ["A-1", "B-1", "NONE"]},
        headers={},
    )
    assert [(one.object, one.call, one.output) for one in found] == [
        ("stock/A-1", "read", {"available": 3}),
        ("stock/B-1", "read", {"available": 0}),
    ]


@pytest.mark.parametrize("item", [{"sku": "TOY-1"}, {"sku": "TOY-1", "available": None}])
def test_a_lookup_without_the_stock_of_a_product_tells_nothing(history: History, item: Any) -> None:
    body = {"skus": ["TOY-1"]}
    found = history.one("POST", "products/v1/products:lookup", answer={"items": [item]}, body=body)
    assert (found.outcome, found.output) == (Outcome.UNKNOWN, {"problem": "invalid_response"})


def test_a_new_stock_is_an_operation_on_the_stock(history: History) -> None:
    found = history.one(
        *("PUT", "products/v1/products/{sku}/stock"),
        answer={"available": 5},
        path="/api/products/v1/products/A-1/stock",
        body={"available": 5},
    )
    assert (found.object, found.call, found.output) == ("stock/A-1", "restock", {"available": 5})


def test_a_session_is_that_of_its_subject_and_its_tokens_are_only_named(history: History) -> None:
    account = {"email": "Ann@example.com", "password": "round and round"}
    history.add("POST", "user/v1/users", 201, {"id": "ann", "email": "ann@example.com"}, headers={})
    lost = history.one("POST", "user/v1/sessions", 0, body=account, headers={}, error="timeout")
    tokens = {"access_token": token("ann"), "refresh_token": "first"}
    made = history.one("POST", "user/v1/sessions", 201, tokens, body=account, headers={})
    following = {"access_token": token("ann") + "2", "refresh_token": "second"}
    body = {"refresh_token": "first"}
    refreshed = history.one(
        "POST", "user/v1/sessions:refresh", 200, following, body=body, headers={}
    )
    used = history.one("GET", "user/v1/users/me", 200, {"id": "ann"})
    ended = history.one("DELETE", "user/v1/sessions/current", 204)
    every = [lost, made, refreshed, used, ended]
    assert [one.call for one in every] == ["login", "login", "refresh", "use", "logout"]
    assert {one.object for one in every} == {"session/ann"}
    assert made.output == used.input == ended.input == refreshed.input
    assert made.output == {"token": name_of_token(token("ann"))}
    secrets = ("round and round", "first", "second", token("ann"), "example.com")
    assert not [secret for secret in secrets if secret in str(every)]
