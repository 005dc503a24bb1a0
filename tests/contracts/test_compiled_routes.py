"""A compiled route answers with the bytes that FastAPI would answer with.

Hostile and odd requests go to two shops of real processes, one of which does not compile its
routes. Status, headers and bodies are compared. `test_openapi` does the same with the requests it
generates.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import pytest

from tests.contracts.documents import app_of
from tests.hostile import strange_requests
from tests.hostile.strange_requests import PAGES, Lines, Sent
from tests.hostile.targets import TARGETS, Target
from tests.hostile.test_bodies import MANY_LINES, PASSWORDS
from tests.support.generated_cases import RecordProperty, record_compared
from tests.support.hostile_input import REQUESTS, spoilt
from tests.support.same_answers import TwoShops
from tests.support.shop import ADDRESS, PASSWORD, SERVICE_TOKEN, SERVICES, SKU, Shop

Requests = Callable[[Shop], Sequence[bytes]]
AssertSame = Callable[[str, Requests], Awaitable[None]]

EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
MEDIA_TYPES = (
    b"text/plain",
    b"application/xml",
    b"application/problem+json",
    b"multipart/form-data; boundary=x",
    b"application/json; charset=latin-1",
    b"APPLICATION/JSON",
    b"application/x-www-form-urlencoded",
    b"",
)
JSON = ("Content-Type", b"application/json")
FORM = ("Content-Type", b"application/x-www-form-urlencoded")


@pytest.fixture
def assert_same(two_shops: TwoShops, record_property: RecordProperty) -> Iterator[AssertSame]:
    compared = 0

    async def compare(service: str, requests: Requests) -> None:
        nonlocal compared
        count, differences = await two_shops.differences(service, requests)
        compared += count
        assert not differences, "\n\n".join(differences[:5])

    yield compare
    record_compared(record_property, compared)


@EACH_SERVICE
async def test_requests_of_strangers(assert_same: AssertSame, service: str) -> None:
    def requests(shop: Shop) -> list[bytes]:
        return _encoded(
            *strange_requests.strange_headers(shop, service),
            *strange_requests.strange_queries(shop, service),
            *strange_requests.strange_paths(shop, service),
        )

    await assert_same(service, requests)


@pytest.mark.parametrize("service", ["products", "tracking", "storefront"])
async def test_forged_cursors(assert_same: AssertSame, service: str) -> None:
    def requests(shop: Shop) -> list[bytes]:
        return _encoded(*strange_requests.forged_cursors(shop, service))

    await assert_same(service, requests)


async def test_cookies_and_forms_of_strangers(assert_same: AssertSame) -> None:
    def requests(shop: Shop) -> list[bytes]:
        return _encoded(
            *strange_requests.strange_cookies(shop),
            *strange_requests.headers_of_a_posted_form(),
            *strange_requests.strange_forms(shop),
        )

    await assert_same("storefront", requests)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.service)
async def test_bodies(assert_same: AssertSame, target: Target) -> None:
    def requests(shop: Shop) -> list[bytes]:
        good = target.body.encoded()
        many = {**target.body.good, **{f"unknown{n}": 1 for n in range(1000)}}
        bodies = [data for data, _ in spoilt(target.body).values()]
        other_kinds = [
            target.head(shop, lines={"Content-Type": kind.decode()})
            + b"Content-Length: %d\r\n\r\n" % len(good)
            + good
            for kind in MEDIA_TYPES
        ]
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(good), good)
        return [
            *(target.request(shop, body) for body in (*bodies, json.dumps(many).encode(), good)),
            *other_kinds,
            target.head(shop) + b"Content-Type: text/plain\r\n" + chunked,
            target.head(shop) + chunked,
        ]

    await assert_same(target.service, requests)


@EACH_SERVICE
async def test_requests_that_are_none(assert_same: AssertSame, service: str) -> None:
    sent = [data.replace(b"{path}", b"/v1/none") for data, _ in REQUESTS.values()]
    await assert_same(service, lambda _: sent)


@pytest.mark.parametrize(("service", "method", "path", "member", "line"), MANY_LINES)
async def test_huge_lists(
    assert_same: AssertSame, service: str, method: str, path: str, member: str, line: object
) -> None:
    lines = [JSON, ("X-Service-Token", SERVICE_TOKEN.encode())]
    other = {"order_id": "order-10k", "subject": "nobody"} if service == "cart" else {}
    bodies = [json.dumps({**other, member: [line] * n}).encode() for n in (0, 1, 101, 10_000)]
    sent = [Sent(path.encode(), lines, method, body) for body in bodies]
    await assert_same(service, lambda _: _encoded(*sent))


@pytest.mark.parametrize(("service", "prefix"), [("user", ""), ("storefront", "/api/user")])
async def test_passwords(assert_same: AssertSame, service: str, prefix: str) -> None:
    bodies = [
        {"email": "somebody@shop.example", "name": "Somebody", "password": parameters.values[0]}
        for parameters in PASSWORDS
    ]
    sent = [
        Sent(f"{prefix}{path}".encode(), [JSON], "POST", json.dumps(body).encode())
        for path in ("/v1/users", "/v1/sessions")
        for body in bodies
    ]
    await assert_same(service, lambda _: _encoded(*sent))


@EACH_SERVICE
async def test_every_method_on_every_path(assert_same: AssertSame, service: str) -> None:
    paths = sorted({path for path, _ in _operations(service)} | set(_other_paths(service)))
    sent = [
        Sent(target.encode(), lines, method, body)
        for path in paths
        for target in (path, path + "/")
        for method in METHODS
        for lines, body in (([], b""), ([JSON], b"{}"), ([JSON], b'{"a":1'))
    ]
    await assert_same(service, lambda _: _encoded(*sent))


@EACH_SERVICE
async def test_odd_credentials_keys_and_conditions_on_every_operation(
    assert_same: AssertSame, service: str
) -> None:
    def requests(shop: Shop) -> list[bytes]:
        return _encoded(
            *(
                Sent(_filled(path), [JSON, *lines], method, body)
                for path, method in _operations(service)
                for lines in _odd_lines(shop)
                for body in (b"", b"{}")
            )
        )

    await assert_same(service, requests)


@pytest.mark.parametrize("is_known", [False, True], ids=["a stranger", "a person"])
async def test_pages(assert_same: AssertSame, is_known: bool) -> None:
    def requests(shop: Shop) -> list[bytes]:
        lines: Lines = [("Accept", b"text/html"), ("Accept-Encoding", b"identity")]
        if is_known:
            lines = [*lines, ("Cookie", _access(shop))]
        paths = (*PAGES, "/favicon.ico", "/robots.txt", "/static/none.css", "/products/NONE-1")
        return _encoded(
            *(
                Sent(path.encode(), lines, method)
                for path in paths
                for method in ("GET", "HEAD", "GET")
            )
        )

    await assert_same("storefront", requests)


async def test_forms_with_errors(assert_same: AssertSame) -> None:
    forms = (
        ("/login", b"email=nobody@shop.example&password=wrong+password"),
        ("/login", b"email=&password="),
        ("/register", b"email=no&password=short&name="),
        ("/cart/items", b"sku=NONE-1&quantity=1"),
        ("/cart/items", f"sku={SKU}&quantity=1".encode()),
        ("/cart/items", f"sku={SKU}&quantity=x".encode()),
        ("/cart", f"set={SKU}&quantity-{SKU}=100".encode()),
        ("/checkout", b"amount=1&currency=EUR&key=a-key-of-a-form&name=&city=&country=XX"),
        ("/account", b"name="),
        ("/account/password", b"current=wrong&password=short"),
        ("/orders/ord_00000000000000000000/again", b""),
        ("/orders/ord_00000000000000000000/cancel", b""),
        ("/logout", b""),
    )

    def requests(shop: Shop) -> list[bytes]:
        return _encoded(
            *(
                Sent(path.encode(), [FORM, ("Cookie", cookies)], "POST", token + body)
                for cookies in (_form_cookie(), _form_cookie() + b"; " + _access(shop))
                for token in (b"form_token=a-token-of-the-form&", b"form_token=other&", b"")
                for path, body in forms
            )
        )

    await assert_same("storefront", requests)


async def test_from_the_cart_to_the_order_and_back(assert_same: AssertSame) -> None:
    """What succeeds, too: in one shop as in the other, to the byte."""
    line = json.dumps({"sku": SKU, "quantity": 2}).encode()
    wrong = {"expected_total": {"amount": 1, "currency": "EUR"}, "address": dict(ADDRESS)}

    def in_the_cart(shop: Shop) -> list[bytes]:
        lines = [JSON, ("Authorization", b"Bearer " + shop.known_person.access_token.encode())]
        item = f"/v1/cart/items/{SKU}".encode()
        return _encoded(
            Sent(b"/v1/cart/items", lines, "POST", line),
            Sent(b"/v1/cart/items", lines, "POST", line),
            Sent(b"/v1/cart", lines),
            Sent(item, lines, "PUT", b'{"quantity":3}'),
            Sent(item, lines, "DELETE"),
            Sent(b"/v1/cart/items", lines, "POST", line),
        )

    def at_the_checkout(shop: Shop) -> list[bytes]:
        lines = [JSON, ("Authorization", b"Bearer " + shop.known_person.access_token.encode())]
        keyed = [*lines, ("Idempotency-Key", b"key-of-the-comparison")]
        body = json.dumps(wrong).encode()
        return _encoded(
            Sent(b"/v1/orders", lines, "POST", body),
            Sent(b"/v1/orders", keyed, "POST", body),
            Sent(b"/v1/orders", keyed, "POST", body),
            Sent(b"/v1/orders", lines),
        )

    def at_the_door(_: Shop) -> list[bytes]:
        account = {"email": "compared@shop.example", "password": PASSWORD, "name": "Ann: \\ Ö"}
        body = json.dumps(account).encode()
        return _encoded(
            Sent(b"/v1/users", [JSON], "POST", body),
            Sent(b"/v1/users", [JSON], "POST", body),
            Sent(b"/v1/sessions", [JSON], "POST", body),
            Sent(b"/v1/guests", [JSON], "POST"),
        )

    await assert_same("cart", in_the_cart)
    await assert_same("tracking", at_the_checkout)
    await assert_same("user", at_the_door)


def _encoded(*requests: Sent) -> list[bytes]:
    return [request.encoded() for request in requests]


def _operations(service: str) -> list[tuple[str, str]]:
    """(path, method) of its API."""
    paths: dict[str, dict[str, object]] = app_of(service).openapi()["paths"]
    return [(path, method.upper()) for path, methods in paths.items() for method in methods]


def _other_paths(service: str) -> Iterable[str]:
    yield from ("/", "/v1", "/v1/none", "/docs", "/openapi.json", "/livez", "/readyz", "//v1/cart")
    if service == "storefront":
        yield from PAGES


def _filled(path: str) -> bytes:
    before, brace, rest = path.partition("{")
    return (before + ("order-12345" if brace else "") + rest.partition("}")[2]).encode()


def _odd_lines(shop: Shop) -> Iterator[Lines]:
    good = b"Bearer " + shop.known_guest["authorization"].removeprefix("Bearer ").encode()
    yield []
    for value in (b"", b"Bearer", b"bearer " + good[7:], good + b" ", b"Basic YTpi", good[:-4]):
        yield [("Authorization", value)]
    yield [("Authorization", good), ("Authorization", b"Bearer other")]
    yield [("Authorization", b"Bearer other"), ("Authorization", good)]
    known = ("Authorization", good)
    for value in (
        b"",
        b"k",
        b"a key",
        b"k" * 300,
        b"\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9",
        b'"quoted-key"',
    ):
        yield [known, ("Idempotency-Key", value)]
    yield [known, ("Idempotency-Key", b"key-one-1"), ("Idempotency-Key", b"key-two-2")]
    for name in ("If-Match", "If-None-Match"):
        for value in (b"", b"*", b'"a"', b'W/"a"', b'"a", "b"', b"a", b"\xff"):
            yield [known, (name, value)]
    for value in (b"", b"0", b"-1", b"x", b"9" * 40):
        yield [known, ("Last-Event-ID", value)]
    for value in (b"", b"wrong", SERVICE_TOKEN.encode()):
        yield [("X-Service-Token", value)]
    yield [("X-Service-Token", b"wrong"), ("X-Service-Token", SERVICE_TOKEN.encode())]


def _access(shop: Shop) -> bytes:
    return b"cartwheel_access=" + shop.known_person.access_token.encode()


def _form_cookie() -> bytes:
    return b"cartwheel_form=a-token-of-the-form"
