"""Where each service takes a body from somebody who is allowed to send one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support.hostile_input import Body
from tests.support.raw_http import RawResponse
from tests.support.shop import ADDRESS, SERVICE_TOKEN, Shop

CANARY = "CANARY-7K2M"
"""In each good body where people's words stand: no refusal may repeat it."""

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """An operation that takes a JSON body, and a good one."""

    service: str
    path: str
    body: Body
    sender: Callable[[Shop], Headers]
    method: str = "POST"
    reading: str = "/openapi.json"
    """A path of the same service that anybody may read."""

    def head(self, shop: Shop, *, lines: Headers | None = None) -> bytes:
        """The request up to where its framing is declared."""
        headers = {"Host": "shop", "Content-Type": "application/json", **self.sender(shop)}
        text = "".join(
            f"{name}: {value}\r\n" for name, value in {**headers, **(lines or {})}.items()
        )
        return f"{self.method} {self.path} HTTP/1.1\r\n{text}".encode()

    def request(self, shop: Shop, body: bytes) -> bytes:
        return self.head(shop) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _service(shop: Shop) -> Headers:
    return {"x-service-token": SERVICE_TOKEN}


def _guest(shop: Shop) -> Headers:
    return shop.known_guest


def _person(shop: Shop) -> Headers:
    return shop.known_person.headers


def _nobody(shop: Shop) -> Headers:
    return {}


_ITEM = Body({"sku": CANARY, "quantity": 1}, number=["quantity"], text=["sku"])

TARGETS = (
    Target(
        "products",
        "/v1/reservations/order-12345",
        Body(
            {"lines": [{"sku": CANARY, "quantity": 1}]},
            number=["lines", 0, "quantity"],
            text=["lines", 0, "sku"],
        ),
        _service,
        method="PUT",
        reading="/v1/products",
    ),
    Target("cart", "/v1/cart/items", _ITEM, _guest),
    Target(
        "user",
        "/v1/users",
        Body(
            {"name": CANARY, "email": "canary@shop.example", "password": "canary bird 7K2M"},
            text=["name"],
        ),
        _nobody,
        reading="/.well-known/jwks.json",
    ),
    Target(
        "tracking",
        "/v1/orders",
        Body(
            {
                "expected_total": {"amount": 1, "currency": "EUR"},
                "address": {**ADDRESS, "city": CANARY},
            },
            number=["expected_total", "amount"],
            text=["address", "city"],
            allowed=("zero", "2^31"),
        ),
        lambda shop: {**_person(shop), "idempotency-key": "key-1"},
    ),
    Target("storefront", "/api/cart/v1/cart/items", _ITEM, _guest, reading="/"),
)


def assert_problem(answer: RawResponse, status: int) -> None:
    """A refusal in good order that repeats nothing of what was sent."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:cartwheel:problem:")
    assert {"title", "detail", "instance", "request_id"} <= problem.keys()
    assert len(answer.body) < 4096
    for sent in (b"CANARY", b"canary", b"aaaaaaaa", b"99999", b"X-Evil"):
        assert sent not in answer.body
