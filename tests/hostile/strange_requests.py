"""What strangers send: hostile values at every place where a service reads one."""

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from services.products.models import Sort
from services.products.repository import Listing
from services.storefront.visit.flash_cookies import flash_cookie_name
from tests.contracts.documents import app_of
from tests.support.shop import SKU, Shop

Lines = Sequence[tuple[str, bytes]]

VALUES: Sequence[bytes] = (
    b"",
    b" ",
    b"0",
    b"-1",
    b"1.5",
    b"1e400",
    b"NaN",
    b"true",
    b"null",
    b"9223372036854775808",
    b"9" * 400,
    "٣".encode(),
    b"\xb2",  # a digit in Latin-1 to str.isdigit(), and no number to int()
    b"\xe9",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"\xed\xa0\x80",  # a surrogate
    "\u202e\u200b".encode(),
    b"a" * 3000,
    b"[" * 3000,
    b'{"a":' * 600,
    b"http://[",
    b"http://[::1",
    b"http://]",
    b"http://a:99999999",
    b"//[",
    b"null, null",
    b'W/"',
    b'"' * 99,
    b",,,,",
    b";;==;=",
    b"%",
    b"%00",
    b"%ud800",
    b"%zz%",
    b"../../..",
    b"a\tb",
    b"*",
    b"*/*;q=9" * 200,
    b"' OR 1=1 --",
    b"{{7*7}}${7*7}",
    b"Bearer",
    b"Bearer " + b"." * 99,
    b"Basic \xff",
    b"bytes=0-,-1,5-1",
    b"Mon, 99 Foo 99999 99:99:99 GMT",
    b'for="[";by=_\xff',
)

HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Cookie",
    "Content-Encoding", "Content-Type", "DNT", "Expect", "Forwarded", "Host", "Idempotency-Key",
    "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Last-Event-ID", "Origin",
    "Range", "Referer", "Sec-Fetch-Site", "TE", "Traceparent", "Tracestate", "Upgrade",
    "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-HTTP-Method-Override", "X-Request-Id", "X-Service-Token", "X-Unknown",
)  # fmt: skip
# Services believe one another: to them a spent deadline is a 503. Strangers have none.
DEADLINE = {"storefront": ("X-Request-Timeout-Ms",)}
COOKIES = (
    "access",
    "refresh",
    "form",
    "prices",
    "draft",
    "who",
    flash_cookie_name("/cart"),
    "unknown",
)
QUERIES = ("q", "sort", "category", "cursor", "limit", "next", "verbose", "unknown")

PAGES = (
    "/", "/search", "/categories/bicycles", f"/products/{SKU}", f"/products/{SKU}/image.svg",
    "/cart", "/login", "/register", "/checkout", "/orders", "/account", "/docs",
    "/api/products/v1/products", "/api/cart/v1/cart", "/api/tracking/v1/orders",
)  # fmt: skip
FORMS: Mapping[str, Sequence[str]] = {
    "/cart/items": ("sku", "quantity", "seen", "back"),
    f"/cart/items/{SKU}": ("quantity",),
    "/login": ("email", "password", "next"),
    "/register": ("email", "password", "name", "next"),
    "/checkout": ("amount", "currency", "key", "name", "line1", "city", "postal_code", "country"),
}


@dataclass(frozen=True)
class Sent:
    """A request to be: `lines` are its headers beside Host."""

    target: bytes
    lines: Lines = ()
    method: str = "GET"
    body: bytes = b""
    at: str = field(default="", compare=False)

    def encoded(self) -> bytes:
        names = {name for name, _ in self.lines}
        lines = [*self.lines]
        if "Host" not in names:
            lines.insert(0, ("Host", b"shop"))
        if self.body:
            lines.append(("Content-Length", str(len(self.body)).encode()))
        head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in lines)
        return (
            f"{self.method} ".encode() + self.target + b" HTTP/1.1\r\n" + head + b"\r\n" + self.body
        )


def strange_headers(shop: Shop, service: str) -> list[Sent]:
    paths = itertools.cycle(_paths(service))
    return [
        Sent(next(paths), [*_but(name, _authorised(shop)), (name, value)])
        for name in (*HEADERS, *DEADLINE.get(service, ()))
        for value in VALUES
    ]


def strange_queries(shop: Shop, service: str) -> list[Sent]:
    paths = itertools.cycle(_paths(service))
    return [
        Sent(next(paths) + b"?" + name.encode() + b"=" + value, _authorised(shop))
        for name in QUERIES
        for raw in VALUES
        for value in (quote_from_bytes(raw).encode(), raw.replace(b" ", b"+").replace(b"\t", b""))
    ]


def strange_paths(shop: Shop, service: str) -> list[Sent]:
    templates = [path for path, _ in _operations(service) if "{" in path] or ["/{path}"]
    if service == "storefront":
        templates += ["/products/{sku}", "/categories/{slug}", "/orders/{id}", "/static/{name}"]
        templates += ["/api/products/v1/products/{sku}", "/api/tracking/v1/orders/{id}"]
    return [
        Sent(_filled(template, quoted), _authorised(shop))
        for template in templates
        for raw in VALUES
        for quoted in (quote_from_bytes(raw, safe="").encode(), raw.translate(None, b" \t"))
    ]


def strange_cookies(shop: Shop) -> list[Sent]:
    paths = itertools.cycle(_paths("storefront"))
    values = [value.replace(b"\t", b"") for value in VALUES] + _tokens()
    return [
        Sent(next(paths), [("Accept", b"text/html"), ("Cookie", _cookie(name, value))])
        for name in COOKIES
        for value in values
    ]


def headers_of_a_posted_form() -> list[Sent]:
    token = b"a-token-of-the-form"
    known = [
        ("Content-Type", b"application/x-www-form-urlencoded"),
        ("Cookie", _cookie("form", token)),
    ]
    return [
        Sent(
            b"/cart/items",
            [*_but(name, known), (name, value)],
            method="POST",
            body=b"sku=X&quantity=0&form_token=" + token,
        )
        for name in HEADERS
        for value in VALUES
    ]


def strange_forms(shop: Shop) -> list[Sent]:
    token = b"a-token-of-the-form"
    lines = [
        ("Content-Type", b"application/x-www-form-urlencoded"),
        ("Cookie", _cookie("form", token) + b"; " + _cookie("access", _bearer(shop))),
    ]
    return [
        Sent(
            path.encode(),
            lines,
            method="POST",
            body=b"&".join(
                [
                    b"form_token=" + token,
                    *(
                        name.encode() + b"=" + (hostile if name == spoilt else b"1")
                        for name in names
                    ),
                ]
            ),
        )
        for path, names in FORMS.items()
        for spoilt in names
        for hostile in (quote_from_bytes(value).encode() for value in VALUES)
    ]


_JSON_POSITIONS = (
    None, True, 1, "a", {}, [], [[]], [None], [1], ["a"], [1, 2, 3], {"0": 1, "1": 2},
    [None, None], [True, False], [1.5, "SKU-1"], ["a", 1], [1, "SKU-1"], ["a", "SKU-1"],
    [-1, "order-1234"], [2**53, "order-1234"], [2**63, "order-1234"], [10**80, "order-1234"],
    [1, "a\0b"], ["a\0b", "SKU-1"], ["\ud800", "SKU-1"], [[1], ["a"]], [{}, {}], [1, None],
)  # fmt: skip
POSITIONS: Sequence[bytes] = (
    *(json.dumps(position).encode() for position in _JSON_POSITIONS),
    *(b"", b"[", b"[" * 350, b"\xff", b"NaN", b"[1e400,1]", b'[NaN,"SKU-1"]', b"9" * 300),
)


def forged_cursors(shop: Shop, service: str) -> list[Sent]:
    """The key of the checksum is in the source: whoever reads it can make a cursor of anything."""
    return [
        Sent(f"{path}{cursor}".encode(), _authorised(shop))
        for position in POSITIONS
        for path, listing in _listings(service)
        for cursor in (_forged(position, listing),)
    ]


def _listings(service: str) -> Iterator[tuple[str, str]]:
    """Where each list is read, and the name that its cursors are made with."""
    products = [
        (f"/v1/products?sort={sort.value}&cursor=", f"products {Listing(sort=sort)}")
        for sort in Sort
    ]
    orders = [("/v1/orders?cursor=", "orders")]
    match service:
        case "products":
            yield from products
        case "tracking":
            yield from orders
        case _:
            yield from ((f"/api/products{path}", name) for path, name in products)
            yield from ((f"/api/tracking{path}", name) for path, name in orders)
            yield from ((path.replace("/v1/products", "/search"), name) for path, name in products)
            yield from ((path.replace("/v1/orders", "/orders"), name) for path, name in orders)


def _forged(payload: bytes, listing: str) -> str:
    checksum = hashlib.blake2b(payload, digest_size=6, key=listing.encode()[:64]).digest()
    return base64.urlsafe_b64encode(checksum + payload).rstrip(b"=").decode()


def _tokens() -> list[bytes]:
    """What could stand in a cookie where a signed token belongs."""
    claims = (
        b"", b"null", b"[]", b"1", b'"a"', b"{", b"[" * 2000, b'{"a":' * 500, b"9" * 2000, b"\xff",
        b"1e400", b'{"roles":null}', b'{"roles":1}', b'{"roles":"guest"}',
        b'{"roles":{"guest":1}}', b'{"roles":[["guest"],{},null]}', b'{"roles":"\\ud800"}',
        b'{"roles":["guest"],"exp":"soon"}',
    )  # fmt: skip
    return [b"e30." + base64.urlsafe_b64encode(one).rstrip(b"=") + b".c2ln" for one in claims]


def _operations(service: str) -> list[tuple[str, str]]:
    """(path, method) of its API."""
    document = app_of(service).openapi()
    return [(path, method) for path, methods in document["paths"].items() for method in methods]


def _paths(service: str) -> list[bytes]:
    """What can be read of it."""
    if service == "storefront":
        return [path.encode() for path in PAGES]
    reading = [path for path, method in _operations(service) if method == "get"]
    return [_filled(path, b"order-12345") for path in (*reading, "/readyz", "/openapi.json")]


def _filled(template: str, value: bytes) -> bytes:
    before, _, rest = template.partition("{")
    return before.encode() + value + rest.partition("}")[2].encode()


def _bearer(shop: Shop) -> bytes:
    return shop.known_person.access_token.encode()


def _authorised(shop: Shop) -> Lines:
    """Both ways in which somebody says who they are: for programs and for pages."""
    bearer = _bearer(shop)
    return [("Authorization", b"Bearer " + bearer), ("Cookie", _cookie("access", bearer))]


def _but(name: str, lines: Lines) -> Lines:
    return [line for line in lines if line[0] != name]


def _cookie(name: str, value: bytes) -> bytes:
    return f"cartwheel_{name}=".encode() + value
