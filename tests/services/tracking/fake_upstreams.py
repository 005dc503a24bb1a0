"""Products and cart as tracking knows them: functions from request to response, with a memory."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.identity import default_signer

SERVICE_TOKEN = "a-service-token"

Trouble = Callable[[str], str | None]
"""From an operation (``reserve``) to ``unreached``, ``lost``, ``busy`` or None (no trouble)."""


def no_trouble(_: str) -> str | None:
    return None


def down(_: str) -> str | None:
    return "unreached"


def problem(status: int, slug: str, **members: Any) -> httpx2.Response:
    body = {"type": f"urn:cartwheel:problem:{slug}", "title": slug, "status": status, **members}
    return httpx2.Response(
        status, content=json.dumps(body), headers={"content-type": "application/problem+json"}
    )


@dataclass
class FakeUpstream:
    """A service that can be down, overloaded, or lose its responses."""

    trouble: Trouble = no_trouble
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        operation, answer = self.route(request)
        self.asked.append(operation)
        trouble = self.trouble(operation)
        if trouble == "unreached":
            raise httpx2.ConnectError("nobody is there", request=request)
        if trouble == "busy":
            return problem(503, "overloaded")
        response = answer()
        if trouble == "lost":
            raise httpx2.ReadTimeout("the answer was lost", request=request)
        return response

    def route(self, request: httpx2.Request) -> tuple[str, Callable[[], httpx2.Response]]:
        raise NotImplementedError


@dataclass
class FakeProduct:
    name: str
    price: int
    stock: int


@dataclass
class FakeProducts(FakeUpstream):
    """Stock, and reservations that remember their order."""

    catalogue: dict[str, FakeProduct] = field(default_factory=dict)
    reservations: dict[str, tuple[str, dict[str, int]]] = field(default_factory=dict)
    currency: str = "EUR"

    def add(self, sku: str, *, price: int, stock: int) -> None:
        self.catalogue[sku] = FakeProduct(f"A fine {sku.lower()}", price, stock)

    def stock(self, sku: str) -> int:
        return self.catalogue[sku].stock

    def route(self, request: httpx2.Request) -> tuple[str, Callable[[], httpx2.Response]]:
        path = request.url.path
        if path == "/v1/products:lookup":
            return "lookup", lambda: self._look_up(json.loads(request.content)["skus"])
        if request.headers.get("x-service-token") != SERVICE_TOKEN:
            return "refused", lambda: problem(401, "unauthenticated")
        if match := re.fullmatch(r"/v1/reservations/([A-Za-z0-9_-]{8,64}):(commit|release)", path):
            act = self._commit if match[2] == "commit" else self._release
            return match[2], lambda: act(match[1])
        if match := re.fullmatch(r"/v1/reservations/([A-Za-z0-9_-]{8,64})", path):
            lines = json.loads(request.content)["lines"]
            wanted = {line["sku"]: line["quantity"] for line in lines}
            return "reserve", lambda: self._reserve(match[1], wanted)
        return "unknown", lambda: problem(404, "not-found")

    def _look_up(self, skus: list[str]) -> httpx2.Response:
        items = [
            {
                "sku": sku,
                "name": self.catalogue[sku].name,
                "price": {"amount": self.catalogue[sku].price, "currency": self.currency},
                "available": self.catalogue[sku].stock,
            }
            for sku in skus
            if sku in self.catalogue
        ]
        missing = [sku for sku in skus if sku not in self.catalogue]
        return httpx2.Response(200, json={"items": items, "missing": missing})

    def _reserve(self, order_id: str, wanted: dict[str, int]) -> httpx2.Response:
        status, lines = self.reservations.get(order_id, ("", wanted))
        if status in ("released", "expired"):
            return problem(409, "reservation-closed")
        if lines != wanted:
            return problem(409, "reservation-mismatch")
        if not status:
            short = [
                {"sku": sku, "requested": quantity, "available": self._available(sku)}
                for sku, quantity in wanted.items()
                if self._available(sku) < quantity
            ]
            if short:
                return problem(409, "out-of-stock", unavailable=short)
            for sku, quantity in wanted.items():
                self.catalogue[sku].stock -= quantity
            self.reservations[order_id] = ("reserved", wanted)
        return httpx2.Response(200, json={"order_id": order_id, "status": "reserved"})

    def _commit(self, order_id: str) -> httpx2.Response:
        if order_id not in self.reservations:
            return problem(404, "not-found")
        status, lines = self.reservations[order_id]
        if status in ("released", "expired"):
            return problem(409, "reservation-closed")
        self.reservations[order_id] = ("committed", lines)
        return httpx2.Response(200, json={"order_id": order_id, "status": "committed"})

    def _release(self, order_id: str) -> httpx2.Response:
        status, lines = self.reservations.get(order_id, ("", {}))
        if status in ("reserved", "committed"):
            for sku, quantity in lines.items():
                self.catalogue[sku].stock += quantity
        self.reservations[order_id] = ("released", lines)
        return httpx2.Response(200, json={"order_id": order_id, "status": "released"})

    def expire(self, order_id: str) -> None:
        self._release(order_id)
        self.reservations[order_id] = ("expired", {})

    def _available(self, sku: str) -> int:
        return self.catalogue[sku].stock if sku in self.catalogue else 0


@dataclass
class FakeCarts(FakeUpstream):
    """Everybody's cart; every token opens the cart of ``reader``."""

    lines: dict[str, dict[str, int]] = field(default_factory=dict)
    reader: Callable[[str], str] = lambda token: token
    taken: set[str] = field(default_factory=set)
    versions: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)

    def version(self, subject: str) -> int:
        """One more whenever the lines are not what they were when it was last asked for."""
        known, lines = self.versions.get(subject, (0, {}))
        now = self.lines.get(subject, {})
        version = known if now == lines else known + 1
        self.versions[subject] = (version, dict(now))
        return version

    def fill(self, subject: str, **quantities: int) -> None:
        self.lines.setdefault(subject, {}).update(quantities)

    def route(self, request: httpx2.Request) -> tuple[str, Callable[[], httpx2.Response]]:
        if request.url.path == "/v1/cart":
            token = request.headers["authorization"].removeprefix("Bearer ")
            return "read", lambda: self.cart_of(self.reader(token))
        if request.url.path == "/v1/cart:take":
            if request.headers.get("x-service-token") != SERVICE_TOKEN:
                return "refused", lambda: problem(401, "unauthenticated")
            return "take", lambda: self._take(json.loads(request.content))
        return "unknown", lambda: problem(404, "not-found")

    def cart_of(self, subject: str) -> httpx2.Response:
        lines = [
            {"sku": sku, "quantity": quantity}
            for sku, quantity in self.lines.get(subject, {}).items()
        ]
        version = self.version(subject)
        updated_at = f"2026-11-25T12:00:00.{version % 1000:03}Z" if version else None
        cart = {"version": version, "lines": lines, "updated_at": updated_at}
        return httpx2.Response(200, json=cart)

    def _take(self, order: dict[str, Any]) -> httpx2.Response:
        is_first = order["order_id"] not in self.taken
        self.taken.add(order["order_id"])
        self.version(order["subject"])
        cart = self.lines.get(order["subject"], {})
        for line in order["lines"] if is_first else ():
            left = cart.pop(line["sku"], 0) - line["quantity"]
            if left > 0:
                cart[line["sku"]] = left
        body = {"order_id": order["order_id"], "taken": is_first}
        body["version"] = self.version(order["subject"])
        return httpx2.Response(200, json=body)


@dataclass
class FakeUser(FakeUpstream):
    """The keys that verify tokens, and the list of deleted accounts. A cursor is a position."""

    deleted: list[str] = field(default_factory=list)
    deleted_at: str = "2026-09-21T12:00:00Z"
    moved_by: int = 0
    """Cursors given out before count from somewhere else: they are not known any more."""

    def route(self, request: httpx2.Request) -> tuple[str, Callable[[], httpx2.Response]]:
        if request.url.path == "/.well-known/jwks.json":
            keys = {"keys": [default_signer().jwk()]}
            return "keys", lambda: httpx2.Response(200, json=keys)
        if request.url.path == "/v1/deletions":
            if request.headers.get("x-service-token") != SERVICE_TOKEN:
                return "refused", lambda: problem(401, "unauthenticated")
            return "deletions", lambda: self._list(request.url.params)
        return "unknown", lambda: problem(404, "not-found")

    def _list(self, params: Mapping[str, str]) -> httpx2.Response:
        start = int(params.get("cursor", self.moved_by)) - self.moved_by
        if start < 0:
            return problem(422, "unprocessable-payload")
        found = self.deleted[start : start + int(params["limit"])]
        items = [{"subject": one, "deleted_at": self.deleted_at} for one in found]
        cursor = str(start + len(found) + self.moved_by) if found else params.get("cursor")
        return httpx2.Response(200, json={"items": items, "next_cursor": cursor})
