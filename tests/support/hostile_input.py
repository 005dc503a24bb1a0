"""Tables of hostile input: JSON bodies and raw requests, with the status to expect."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

Place = Sequence[str | int]
"""The path of a value in a body, such as `("lines", 0, "quantity")`."""

_HERE = "the value goes here"

# Values in place of an integer from 1 to 99.
NUMBERS: Mapping[str, tuple[bytes, int]] = {
    "5,000 digits": (b"9" * 5000, 400),
    "NaN": (b"NaN", 400),
    "infinity": (b"-Infinity", 400),
    "1e400": (b"1e400", 400),
    "negative": (b"-1", 422),
    "zero": (b"0", 422),
    "2^31": (b"2147483648", 422),
    "2^63": (b"9223372036854775808", 422),
    "a fraction": (b"1.5", 422),
    "1.0": (b"1.0", 422),
    "a number as text": (b'"1"', 422),
    "true": (b"true", 422),
    "no number": (b"null", 422),
    "a list for a number": (b"[1]", 422),
    "an object for a number": (b'{"a":1}', 422),
}

# Values in place of a text or an identifier.
TEXTS: Mapping[str, tuple[bytes, int]] = {
    "bad UTF-8": (b'"\xff\xfe"', 400),
    "an overlong slash": (b'"\xc0\xaf"', 400),
    "lone surrogate": (b'"\\ud800"', 400),
    "NUL": (b'"a\\u0000b"', 400),
    "raw NUL": (b'"a\x00b"', 400),
    "raw line break": (b'"a\nb"', 400),
    "40 levels deep": (b"[" * 40 + b"]" * 40, 400),
    "empty": (b'""', 422),
    "blank": (b'"   "', 422),
    "right to left override": (b'"a\\u202eb"', 422),
    "zero width space": (b'"a\\u200bb"', 422),
    "escape character": (b'"a\\u001bb"', 422),
    "CRLF": (b'"a\\r\\nX-Evil: 1"', 422),
    "a long text": (b'"' + b"a" * 5000 + b'"', 422),
    "a number for a text": (b"1", 422),
    "an object for a text": (b'{"$ne":null}', 422),
}

# Members that a client must not set.
OTHERS_MEMBERS = ("role", "roles", "price", "user_id", "subject", "id", "__proto__")


@dataclass(frozen=True)
class Body:
    """A valid JSON body, and the paths of a number and of a text in it.

    `allowed` names the rows of the tables that are valid here.
    """

    good: Mapping[str, Any]
    number: Place | None = None
    text: Place | None = None
    allowed: Collection[str] = ()

    def encoded(self) -> bytes:
        return json.dumps(self.good).encode()

    def having(self, place: Place, value: bytes) -> bytes:
        """The valid body with raw `value` at `place`."""
        spoilt = json.loads(self.encoded())
        parent = spoilt
        for step in place[:-1]:
            parent = parent[step]
        parent[place[-1]] = _HERE
        return json.dumps(spoilt).encode().replace(json.dumps(_HERE).encode(), value)


def spoilt(body: Body) -> dict[str, tuple[bytes, int]]:
    """All hostile variants of a body: name → bytes to send and the status to expect."""
    good = body.encoded()
    first = next(iter(body.good))
    rows: dict[str, tuple[bytes, int]] = {
        "cut off": (good[:-1], 400),
        "no body": (b"", 422),
        "null": (b"null", 422),
        "a list": (b"[]", 422),
        "a text": (b'"text"', 422),
        "an empty object": (b"{}", 422),
        "nested deeply": (b"[" * 20_000 + b"]" * 20_000, 400),
        "byte order mark": (b"\xef\xbb\xbf" + good, 400),
        "UTF-16": (good.decode().encode("utf-16"), 400),
        "surrogate member": (b'{"\\ud800":1,' + good[1:], 400),
        "duplicate member": (good[:-1] + b"," + json.dumps(first).encode() + b":1}", 400),
        "something after": (good + b" x", 400),
        "single quotes": (good.replace(b'"', b"'"), 400),
    }
    for name in OTHERS_MEMBERS:
        rows[f"a member {name}"] = (good[:-1] + f',"{name}":"staff"}}'.encode(), 422)
    for place, table in ((body.number, NUMBERS), (body.text, TEXTS)):
        if place is not None:
            rows |= {
                name: (body.having(place, raw), status) for name, (raw, status) in table.items()
            }
    return {name: row for name, row in rows.items() if name not in body.allowed}


GET = b"GET {path} HTTP/1.1\r\nHost: shop\r\n"
POST = b"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"

# Malformed requests, and requests that could be parsed as two (request smuggling).
REQUESTS: Mapping[str, tuple[bytes, int]] = {
    "two framings": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two framings the other way round": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n{}", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "long length": (POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", 400),
    "bad chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", 400),
    "a framing nobody knows": (POST + b"Transfer-Encoding: gzip\r\n\r\n{}", 400),
    "no Host": (b"GET {path} HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + b"Host: other\r\n\r\n", 400),
    "bare CR in a header": (GET + b"X-Name: a\rb\r\n\r\n", 400),
    "NUL in a header": (GET + b"X-Name: a\x00b\r\n\r\n", 400),
    "a space in a header's name": (GET + b"X Name: a\r\n\r\n", 400),
    "a space before the colon": (GET + b"X-Name : a\r\n\r\n", 400),
    "a folded header": (GET + b"X-A: a\r\n folded\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no HTTP": (b"HELLO\r\n\r\n", 400),
    "2,000 headers": (GET + b"".join(b"X-%d: 1\r\n" % n for n in range(2000)) + b"\r\n", 431),
    "1 MB header": (GET + b"X-Big: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
    "1 MB name": (GET + b"X-" + b"a" * 1_000_000 + b": 1\r\n\r\n", 431),
    "100 KB URL": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
}


def hostile_requests(path: str) -> list[Any]:
    """The raw requests for `path`, as parameters `(data, status)` of a test."""
    return [
        pytest.param(data.replace(b"{path}", path.encode()), status, id=name)
        for name, (data, status) in REQUESTS.items()
    ]


def spoilt_bodies(body: Body) -> list[Any]:
    """All hostile variants of `body`, as parameters `(data, status)` of a test."""
    return [pytest.param(data, status, id=name) for name, (data, status) in spoilt(body).items()]
