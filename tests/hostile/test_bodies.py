"""Each service refuses a bad body with a problem that repeats nothing of it."""

import json
from typing import Any

import pytest

from tests.hostile.targets import TARGETS, Target, assert_problem
from tests.support.hostile_input import spoilt
from tests.support.raw_http import send_raw
from tests.support.shop import PASSWORD, SERVICE_TOKEN, SKU, Shop

ROWS = [
    pytest.param(target, data, status, id=f"{target.service}-{name}")
    for target in TARGETS
    for name, (data, status) in spoilt(target.body).items()
]
EACH_SERVICE = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.service)


@pytest.mark.fault(57, 59, 61, 75)
@pytest.mark.parametrize(("target", "data", "status"), ROWS)
async def test_a_bad_body_is_refused(shop: Shop, target: Target, data: bytes, status: int) -> None:
    answer = await send_raw(shop.url(target.service), target.request(shop, data))
    assert_problem(answer, status)


@pytest.mark.fault(75)
@EACH_SERVICE
async def test_a_thousand_unknown_members_get_an_answer_of_bounded_size(
    shop: Shop, target: Target
) -> None:
    many = {**target.body.good, **{f"unknown{n}": 1 for n in range(1000)}}
    answer = await send_raw(
        shop.url(target.service), target.request(shop, json.dumps(many).encode())
    )
    assert_problem(answer, 422)
    assert len(answer.json()["errors"]) <= 20


@pytest.mark.fault(76)
@EACH_SERVICE
@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
    ],
)
async def test_a_body_of_another_kind_is_refused(
    shop: Shop, target: Target, media_type: str
) -> None:
    body = target.body.encoded()
    head = target.head(shop, lines={"Content-Type": media_type})
    data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert_problem(await send_raw(shop.url(target.service), data), 415)


LINE = {"sku": SKU, "quantity": 1}
MANY_LINES = [
    pytest.param("products", "PUT", "/v1/reservations/order-10k", "lines", LINE, id="reservation"),
    pytest.param("products", "POST", "/v1/products:lookup", "skus", SKU, id="lookup"),
    pytest.param("cart", "POST", "/v1/cart:take", "lines", LINE, id="take"),
]


@pytest.mark.fault(60)
@pytest.mark.parametrize(("service", "method", "path", "member", "line"), MANY_LINES)
@pytest.mark.parametrize(("count", "status"), [(101, 422), (10_000, 413)])
def test_a_huge_list_is_refused(
    shop: Shop,
    service: str,
    method: str,
    path: str,
    member: str,
    line: Any,
    count: int,
    status: int,
) -> None:
    body: dict[str, Any] = {member: [line] * count}
    if service == "cart":
        body |= {"order_id": "order-10k", "subject": "nobody"}
    headers = {"x-service-token": SERVICE_TOKEN}
    answer = shop.request(service, method, path, json=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert SKU not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "member"),
    [("PUT", "/v1/reservations/order-0", "lines"), ("POST", "/v1/products:lookup", "skus")],
)
def test_an_empty_list_is_refused(shop: Shop, method: str, path: str, member: str) -> None:
    headers = {"x-service-token": SERVICE_TOKEN}
    answer = shop.request("products", method, path, json={member: []}, headers=headers)
    assert answer.status_code == 422


@pytest.mark.fault(60)
def test_a_cart_that_is_filled_for_ever_stops_at_its_limits(shop: Shop) -> None:
    guest = shop.guest()
    for quantity, status in ((99, 200), (1, 409)):
        body = {"sku": SKU, "quantity": quantity}
        answer = shop.request("cart", "POST", "/v1/cart/items", json=body, headers=guest)
        assert answer.status_code == status
    assert len(shop.request("cart", "GET", "/v1/cart", headers=guest).content) < 64 * 1024


PASSWORDS = [
    pytest.param("p" * 1_000_000, 413, id="1 MB"),
    pytest.param("p" * 257, 422, id="257 characters"),
    pytest.param("a secret\0 word", 400, id="NUL"),
    pytest.param("", 422, id="empty"),
    pytest.param(["a secret word"], 422, id="a list"),
]


@pytest.mark.fault(74)
@pytest.mark.parametrize("path", ["/v1/users", "/v1/sessions"])
@pytest.mark.parametrize(("password", "status"), PASSWORDS)
@pytest.mark.parametrize(("service", "prefix"), [("user", ""), ("storefront", "/api/user")])
def test_a_password_that_is_none_is_refused(
    shop: Shop, service: str, prefix: str, path: str, password: Any, status: int
) -> None:
    body = {"email": "somebody@shop.example", "password": password}
    if path == "/v1/users":
        body["name"] = "Somebody"
    answer = shop.request(service, "POST", prefix + path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "somebody" not in answer.text


@pytest.mark.fault(74)
def test_a_password_is_the_same_however_it_was_typed(shop: Shop) -> None:
    composed, decomposed = "Zo\u00eb drives a \ufb01xie", "Zoe\u0308 drives a fixie"
    account = {"email": "zoe@shop.example", "password": composed, "name": "Zoë"}
    assert shop.request("user", "POST", "/v1/users", json=account).status_code == 201
    credentials = {"email": "zoe@shop.example", "password": decomposed}
    assert shop.request("user", "POST", "/v1/sessions", json=credentials).status_code == 201


@pytest.mark.fault(75)
def test_nobody_becomes_staff_by_saying_so(shop: Shop) -> None:
    person = shop.person()
    change = {"roles": ["staff"], "current_password": PASSWORD}
    answer = shop.request("user", "PATCH", "/v1/users/me", json=change, headers=person.headers)
    assert answer.status_code == 422
    stock = {"available": 1}
    answer = shop.request(
        "products", "PUT", f"/v1/products/{SKU}/stock", json=stock, headers=person.headers
    )
    assert answer.status_code == 403
