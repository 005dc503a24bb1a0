"""An address has a bounded length and no NUL."""

import pytest

from app.errors import BadRequest
from app.process.request_target import UriTooLong, check_characters, check_length


def test_an_address_is_bounded() -> None:
    check_length(b"/" * 10, limit=10)
    with pytest.raises(UriTooLong):
        check_length(b"/" * 11, limit=10)


@pytest.mark.parametrize(("path", "query"), [("/a\0", b""), ("/a", b"b=%00"), ("/a", b"%00")])
def test_a_nul_is_refused(path: str, query: bytes) -> None:
    with pytest.raises(BadRequest):
        check_characters(path, query)


def test_other_characters_pass() -> None:
    check_characters("/café/%", b"q=%2500&x=%e9")
