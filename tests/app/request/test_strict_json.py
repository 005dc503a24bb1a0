"""JSON that parsers could read differently is refused."""

import pytest

from app.errors import BadRequest
from app.request.strict_json import read_json


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[1, 2.5, -3e2]", b'{"a": {"b": null}}', '"Zoë"'.encode(), b"[" * 32 + b"]" * 32,
     b'"\\ud83d\\ude00"'],
)  # fmt: skip
def test_strict_json_passes(body: bytes) -> None:
    read_json(body)


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a": 1, "a": 2}', "two members"),
        (b"NaN", "not valid JSON"),
        (b"[Infinity]", "not valid JSON"),
        (b"1e400", "too large"),
        (b"1" * 26, "too long"),
        (b"[" * 34 + b"]" * 34, "too deeply"),
        (b"[" * 5000, "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"\xff", "not valid UTF-8"),
        (b'"\\ud800"', "not valid Unicode"),
        (b'"\\u0000"', "NUL"),
        (b"{} {}", "not valid JSON"),
    ],
)
def test_other_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        read_json(body)
