"""Four small upstreams with a memory, behind the storefront's client.

They speak the wire contract as far as the pages use it. `down` names those that refuse connections.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.support.identity import token
from tests.support.network import FakeNetwork

Response = httpx2.Response


def problem(
    status: int, kind: str, *, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    body = {"type": f"urn:cartwheel:problem:{kind}", "title": kind, "status": status} | more
    content = json.dumps(body).encode()
    given = {"content-type": "application/problem+json"} | (headers or {})
    return Response(status, content=content, headers=given)


def product(sku: str, *, price: int = 1999, available: int = 12, **more: Any) -> dict[str, Any]:
    return {
        "sku": sku,
        "name": sku.title().replace("-", " "),
        "summary": "It rolls.",
        "description": "It rolls well.",
        "category": "bicycles",
        "price": {"amount": price, "currency": "EUR"},
        "available": available,
        "image": f"/v1/products/{sku}/image.svg",
    } | more


@dataclass
class FakeUpstreams:
    """The upstreams of one test, and the requests they received."""

    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    carts: dict[str, dict[str, int]] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    refreshes: dict[str, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    replays: dict[str, Response] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    responses: dict[str, Callable[[httpx2.Request], Response]] = field(default_factory=dict)
    requests: list[httpx2.Request] = field(default_factory=list)
    page_extras: dict[str, Any] = field(default_factory=dict)
    expires_in: int = 900

    def stock(self, *products: dict[str, Any]) -> None:
        self.products |= {one["sku"]: one for one in products}

    @property
    def transports(self) -> dict[str, FakeNetwork]:
        answering = {
            "products": self._products,
            "cart": self.cart_response,
            "user": self._user,
            "tracking": self._tracking,
        }
        return {name: self._transport(name, response) for name, response in answering.items()}

    def _transport(self, name: str, response: Callable[[httpx2.Request], Response]) -> FakeNetwork:
        def handle(request: httpx2.Request) -> Response:
            self.requests.append(request)
            if name in self.down:
                raise httpx2.ConnectError("connection refused")
            return self.responses.get(name, response)(request)

        return FakeNetwork(handle)

    def requests_to(self, method: str, path: str) -> list[httpx2.Request]:
        return [one for one in self.requests if (one.method, one.url.path) == (method, path)]

    # products

    def _products(self, request: httpx2.Request) -> Response:
        path = request.url.path
        if path == "/v1/categories":
            return Response(200, json={"items": list(self._categories())})
        if path == "/v1/products":
            return self._list_products(request.url.params)
        if path == "/v1/products:lookup":
            skus = json.loads(request.content)["skus"]
            known = [self.products[sku] for sku in skus if sku in self.products]
            missing = [sku for sku in skus if sku not in self.products]
            return Response(200, json={"items": known, "missing": missing})
        sku = path.split("/")[3]
        if sku not in self.products:
            return problem(404, "not-found")
        if path.endswith("/image.svg"):
            headers = {"content-type": "image/svg+xml", "etag": '"one"', "cache-control": "public"}
            fresh = request.headers.get("if-none-match") == '"one"'
            return Response(
                304 if fresh else 200, content=b"" if fresh else b"<svg/>", headers=headers
            )
        return Response(200, json=self.products[sku])

    def _categories(self) -> Iterator[dict[str, Any]]:
        for slug in sorted({one["category"] for one in self.products.values()}):
            count = sum(one["category"] == slug for one in self.products.values())
            yield {"slug": slug, "name": slug.capitalize(), "count": count}

    def _list_products(self, query: httpx2.QueryParams) -> Response:
        if query.get("cursor") == "broken":
            return problem(422, "unprocessable-payload")
        found = [
            one
            for one in self.products.values()
            if query.get("category", one["category"]) == one["category"]
            and query.get("q", "").lower().rstrip("s") in one["name"].lower()
            and (query.get("in_stock") != "true" or one["available"] > 0)
            and int(query.get("min_price", 0)) <= one["price"]["amount"]
            and one["price"]["amount"] <= int(query.get("max_price", 10**12))
        ]
        start, limit = int(query.get("cursor", "0")), int(query["limit"])
        page = {
            "items": found[start : start + limit],
            "total": len(found),
            "next_cursor": str(start + limit) if len(found) > start + limit else None,
            "previous_cursor": str(start - limit) if start >= limit else None,
        }
        return Response(200, json=page | self.page_extras)

    # user

    def _user(self, request: httpx2.Request) -> Response:
        body = json.loads(request.content) if request.content else {}
        match (request.method, request.url.path):
            case ("POST", "/v1/guests"):
                key = request.headers.get("idempotency-key") or secrets.token_hex(16)
                return self._tokens(f"guest_{key}", "guest")
            case ("POST", "/v1/users"):
                if body["email"] in self.accounts:
                    return problem(409, "email-taken")
                self.accounts[body["email"]] = body["password"]
                self.names[body["email"]] = body["name"]
                return Response(201, json={"id": "user_1", **body})
            case ("GET" | "PATCH", "/v1/users/me"):
                return self._account(self._subject(request).removeprefix("user_"), body)
            case ("POST", "/v1/sessions"):
                if self.accounts.get(body["email"]) != body["password"]:
                    return problem(401, "unauthenticated")
                return self._tokens(f"user_{body['email']}", "user")
            case ("POST", "/v1/sessions:refresh"):
                shown = body["refresh_token"]
                if len(shown) > 200:
                    return problem(422, "unprocessable-payload")
                if shown in self.replaced:
                    return problem(409, "refresh-replaced")
                subject = self.refreshes.pop(shown, None)
                if subject is None:
                    return problem(401, "session-over")
                self.replaced.add(shown)
                return self._tokens(subject, subject.partition("_")[0])
            case ("DELETE", "/v1/sessions/current"):
                self._subject(request)
                return Response(204)
        return problem(404, "not-found")

    def _account(self, email: str, changes: dict[str, str]) -> Response:
        if email not in self.accounts:
            return problem(401, "session-over")
        if {"email", "password"} & changes.keys():
            if "current_password" not in changes:
                errors = [{"pointer": "/current_password", "message": "is needed"}]
                return problem(422, "unprocessable-payload", errors=errors)
            if changes["current_password"] != self.accounts[email]:
                return problem(403, "wrong-password")
        if changes.get("email", email) != email and changes["email"] in self.accounts:
            return problem(409, "email-taken")
        self.accounts[email] = changes.get("password", self.accounts[email])
        self.names[email] = changes.get("name", self.names.get(email, "Ann"))
        shown = {"id": "user_1", "email": changes.get("email", email), "name": self.names[email]}
        return Response(200, json=shown)

    def _tokens(self, subject: str, role: str) -> Response:
        access, refresh = token(subject, (role,)), secrets.token_urlsafe(16)
        self.subjects[access] = subject
        self.refreshes[refresh] = subject
        tokens = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer"}
        return Response(201, json=tokens | {"expires_in": self.expires_in})

    def expire_access_tokens(self) -> None:
        """From now on only newly made access tokens count."""
        self.subjects.clear()

    def _subject(self, request: httpx2.Request) -> str:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.subjects.get(shown, "")

    # cart

    def cart_response(self, request: httpx2.Request) -> Response:
        subject = self._subject(request)
        if not subject:
            return problem(401, "unauthenticated")
        lines = self.carts.setdefault(subject, {})
        body = json.loads(request.content) if request.content else {}
        path = request.url.path
        if path == "/v1/cart:merge":
            return self._merge(lines, body["guest_token"])
        if path == "/v1/cart/items":
            if body["sku"] not in self.products:
                return problem(404, "unknown-product")
            if lines.get(body["sku"], 0) + body["quantity"] > 99:
                return problem(409, "cart-limit")
            key = (subject, request.headers.get("idempotency-key", secrets.token_hex(8)))
            if key not in self.added:
                self.added.add(key)
                lines[body["sku"]] = lines.get(body["sku"], 0) + body["quantity"]
        elif request.method == "PUT":
            lines[path.rpartition("/")[2]] = body["quantity"]
        elif request.method == "DELETE":
            lines.pop(path.rpartition("/")[2], None)
        return self._cart_body(lines)

    def _merge(self, lines: dict[str, int], guest_token: str) -> Response:
        notices = []
        if guest_token not in self.merged:
            self.merged.add(guest_token)
            for sku, quantity in self.carts.get(self.subjects[guest_token], {}).items():
                requested = lines.get(sku, 0) + quantity
                lines[sku] = min(99, requested)
                if requested > 99:
                    notices.append({"sku": sku, "requested": requested, "kept": 99})
        return self._cart_body(lines, notices=notices)

    def _cart_body(self, lines: dict[str, int], **more: Any) -> Response:
        listed = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
        return Response(200, json={"version": 1, "lines": listed, "updated_at": None} | more)

    # tracking

    def _tracking(self, request: httpx2.Request) -> Response:
        subject = self._subject(request)
        if not subject:
            return problem(401, "unauthenticated")
        path = request.url.path
        if request.method == "POST" and path == "/v1/orders":
            return self._place(subject, request)
        if path == "/v1/orders":
            if request.url.params.get("cursor"):
                return problem(422, "unprocessable-payload")
            mine = [one for one in self.orders.values() if one["owner"] == subject]
            return Response(200, json={"items": mine[::-1], "next_cursor": None})
        match = re.fullmatch(r"/v1/orders/([A-Za-z0-9_-]+)(:cancel|/events)?", path)
        order = self.orders.get(match[1]) if match else None
        if match is None or order is None or order["owner"] != subject:
            return problem(404, "not-found")
        if match[2] == ":cancel":
            if order["shipment"]["status"] == "delivered":
                return problem(409, "too-late")
            order["status"] = order["shipment"]["status"] = "cancelled"
        if match[2] == "/events":
            since = int(request.headers.get("last-event-id", "0"))
            events = "".join(
                f"id: {event['sequence']}\ndata: {json.dumps(event)}\n\n"
                for event in order["shipment"]["events"]
                if event["sequence"] > since
            )
            return Response(200, text=events, headers={"content-type": "text/event-stream"})
        return Response(200, json=order)

    def _place(self, subject: str, request: httpx2.Request) -> Response:
        key, body = request.headers["idempotency-key"], json.loads(request.content)
        if key in self.replays:
            return self.replays[key]
        if subject.startswith("guest"):
            return problem(403, "account-required")
        lines = self.carts.get(subject, {})
        if not lines:
            mine = [one["id"] for one in self.orders.values() if one["owner"] == subject]
            if mine:
                return problem(409, "already-ordered", order_id=mine[-1])
            return problem(409, "cart-empty")
        total = sum(self.products[sku]["price"]["amount"] * count for sku, count in lines.items())
        if total != body["expected_total"]["amount"]:
            return problem(409, "quote-changed", quote={"total": total, "lines": []})
        order = self.add_order(subject, lines, body["address"])
        self.carts[subject] = {}
        self.replays[key] = Response(201, json=order)
        return self.replays[key]

    def add_order(
        self, subject: str, lines: dict[str, int], address: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).isoformat()
        listed = [
            {"sku": sku, "quantity": count}
            | {"name": self.products[sku]["name"], "unit_price": self.products[sku]["price"]}
            for sku, count in lines.items()
        ]
        amount = sum(line["quantity"] * line["unit_price"]["amount"] for line in listed)
        order = {
            "id": f"order-{len(self.orders) + 1:04}",
            "owner": subject,
            "status": "confirmed",
            "reason": None,
            "total": {"amount": amount, "currency": "EUR"},
            "lines": listed,
            "address": address,
            "created_at": now,
            "shipment": {
                "status": "confirmed",
                "events": [{"sequence": 1, "status": "confirmed", "at": now}],
            },
        } | more
        self.orders[order["id"]] = order
        return order
