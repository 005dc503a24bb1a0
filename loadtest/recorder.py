"""Records the history of a load: which operations its requests and responses were.

An owner is the subject of an access token. The two tokens of a response have one name, a digest: a
history contains nothing that opens an account. Amounts are in minor units.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from loadtest.access_tokens import (
    UNKNOWN_OWNER,
    name_of_token,
    owner_of,
    subject_of,
    token_of,
)
from loadtest.history import Operation, Outcome, checked
from loadtest.messages import INVALID_RESPONSE, Exchange, Request, Response
from loadtest.outcomes import json_object, outcome_of, problem_of
from loadtest.paths import CART, ORDER, PRODUCTS, TRACKING, USER

CART_CALLS = {
    ("GET", f"{CART}/cart"): "read",
    ("DELETE", f"{CART}/cart"): "clear",
    ("POST", f"{CART}/cart/items"): "add",
    ("PUT", f"{CART}/cart/items/{{sku}}"): "set",
    ("DELETE", f"{CART}/cart/items/{{sku}}"): "remove",
    ("POST", f"{CART}/cart:merge"): "merge",
}
ORDER_CALLS = {
    ("GET", ORDER): "read",
    ("POST", f"{ORDER}:cancel"): "cancel",
}
SESSION_CALLS = {
    ("POST", f"{USER}/guests"): "login",
    ("POST", f"{USER}/sessions"): "login",
    ("POST", f"{USER}/sessions:refresh"): "refresh",
    ("DELETE", f"{USER}/sessions/current"): "logout",
    ("GET", f"{USER}/users/me"): "use",
}
PLACE = ("POST", f"{TRACKING}/orders")
REGISTER = ("POST", f"{USER}/users")
LOOKUP = ("POST", f"{PRODUCTS}/products:lookup")
RESTOCK = ("PUT", f"{PRODUCTS}/products/{{sku}}/stock")

JsonObject = Mapping[str, Any]


class Recorder:
    """Calls ``write`` with each operation. Pass `record` to a generator as its `on_exchange`."""

    def __init__(self, write: Callable[[Operation], None]) -> None:
        self._write = write
        self._owners_by_email: dict[str, str] = {}
        self._sessions: dict[str, tuple[str, str]] = {}
        """Owner and access token by the refresh token of the same pair; tokens by their names."""
        self._orders: dict[str, str] = {}
        self._carts_seen: dict[tuple[int, str], JsonObject] = {}

    def record(self, exchange: Exchange) -> None:
        """Record what this exchange has done or read, if it is about an object of the history."""
        try:
            operations = [checked(each) for each in self._operations(exchange)]
        except (AttributeError, KeyError, TypeError, ValueError):  # not the body of this route
            unreadable = replace(exchange, response=Response(0, error=INVALID_RESPONSE))
            operations = list(self._operations(unreadable))
        for operation in operations:
            self._write(operation)

    def _operations(self, exchange: Exchange) -> Iterator[Operation]:
        route = (exchange.request.method, exchange.request.name)
        body = json_object(exchange.response)
        if call := CART_CALLS.get(route):
            yield self._cart_operation(exchange, call, body)
        elif call := ORDER_CALLS.get(route):
            yield from self._order_operations(exchange, call, body)
        elif route == PLACE:
            yield self._place_operation(exchange, body)
        elif call := SESSION_CALLS.get(route):
            yield self._session_operation(exchange, call, body)
        elif route == LOOKUP:
            yield from _stock_reads(exchange, body)
        elif route == RESTOCK:
            sku = exchange.request.path.split("/")[-2]
            changed = {"available": body["available"]} if exchange.response.ok else {}
            yield _operation(exchange, f"stock/{sku}", "restock", exchange.request.json, changed)
        elif route == REGISTER and "id" in body:
            self._owners_by_email[body["email"].lower()] = body["id"]

    def _cart_operation(self, exchange: Exchange, call: str, body: JsonObject) -> Operation:
        request = exchange.request
        owner = owner_of(request)
        output: dict[str, Any] = {}
        if exchange.response.ok:
            output = {"version": body["version"], "lines": _quantities(body["lines"])}
            self._carts_seen[exchange.shopper, owner] = output["lines"]
            if call == "add" and _is_replayed(exchange.response):
                output["replayed"] = True
        return _operation(exchange, f"cart/{owner}", call, _cart_input(request, call), output)

    def _place_operation(self, exchange: Exchange, body: JsonObject) -> Operation:
        request = exchange.request
        owner = owner_of(request)
        placed = f"order/{owner}/{request.headers['idempotency-key']}"
        asked = {
            "expected_total": request.json["expected_total"]["amount"],
            "lines": self._carts_seen.get((exchange.shopper, owner), {}),
        }
        output = _order_output(exchange.response, body) if exchange.response.ok else {}
        if output:
            self._orders[output["id"]] = placed
        return _operation(exchange, placed, "place", asked, output)

    def _order_operations(
        self, exchange: Exchange, call: str, body: JsonObject
    ) -> Iterator[Operation]:
        order_id = exchange.request.path.rpartition("/")[2].removesuffix(":cancel")
        if placed := self._orders.get(order_id):
            output = _order_output(exchange.response, body) if exchange.response.ok else {}
            if call == "cancel" and exchange.response.status == 200:  # with 202 later
                output["done"] = True
            yield _operation(exchange, placed, call, {}, output)

    def _session_operation(self, exchange: Exchange, call: str, body: JsonObject) -> Operation:
        request = exchange.request
        owner, used = self._session_of(request, call)
        output = {}
        if "access_token" in body:
            owner, name = subject_of(body["access_token"]), name_of_token(body["access_token"])
            output = {"token": name}
            self._sessions[name_of_token(body["refresh_token"])] = (owner, name)
            if request.json and "email" in request.json:
                self._owners_by_email[request.json["email"].lower()] = owner
        return _operation(exchange, f"session/{owner}", call, used, output)

    def _session_of(self, request: Request, call: str) -> tuple[str, JsonObject]:
        """The owner as far as it is known, and the token that the request has used."""
        if call == "refresh":
            used = name_of_token(request.json["refresh_token"])
            owner, name = self._sessions.get(used, (UNKNOWN_OWNER, used))
            return owner, {"token": name}
        if token := token_of(request):
            return owner_of(request), {"token": name_of_token(token)}
        email = request.json["email"].lower() if request.json else ""
        return self._owners_by_email.get(email, UNKNOWN_OWNER), {}


def _operation(
    exchange: Exchange, target: str, call: str, asked: JsonObject, output: JsonObject
) -> Operation:
    outcome = outcome_of(exchange.response)
    return Operation(
        client=exchange.shopper,
        object=target,
        call=call,
        input=asked,
        output=output if outcome is Outcome.OK else {"problem": problem_of(exchange.response)},
        outcome=outcome,
        called_at=exchange.called_at,
        returned_at=exchange.returned_at,
    )


def _cart_input(request: Request, call: str) -> JsonObject:
    match call:
        case "add":
            key = request.headers.get("idempotency-key")
            return {**request.json, **({"key": key} if key else {})}
        case "set":
            return {"sku": request.path.rpartition("/")[2], **request.json}
        case "remove":
            return {"sku": request.path.rpartition("/")[2]}
        case "merge":
            return {"from": subject_of(request.json["guest_token"])}
        case _:
            return {}


def _order_output(response: Response, body: JsonObject) -> dict[str, Any]:
    output = {
        "id": body["id"],
        "total": body["total"]["amount"],
        "lines": _quantities(body["lines"]),
    }
    if _is_replayed(response):  # the first response unchanged: its status is not that of now
        return {**output, "replayed": True}
    return {**output, "status": body["status"]}


def _stock_reads(exchange: Exchange, body: JsonObject) -> Iterator[Operation]:
    """Of lookups only: other answers about a product may be some seconds old."""
    found = {item["sku"]: item.get("available") for item in body.get("items", ())}
    for sku in exchange.request.json["skus"]:
        if not exchange.response.ok or sku in found:
            output = {"available": found.get(sku)}
            yield _operation(exchange, f"stock/{sku}", "read", {}, output)


def _quantities(lines: Any) -> Mapping[str, int]:
    return {line["sku"]: line["quantity"] for line in lines}


def _is_replayed(response: Response) -> bool:
    return response.headers.get("idempotency-replayed") == "true"
