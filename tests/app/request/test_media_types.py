"""A body is read if its media type is accepted and its text is UTF-8."""

import pytest

from app.errors import UnsupportedMediaType
from app.request.media_types import FORM, JSON, accepted_media_type, media_type_of

ACCEPTED = frozenset({JSON, FORM})


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json ; charset=utf-8",
        b"application/json;",
    ],
)
def test_a_media_type_is_read_without_case_and_parameters(content_type: bytes) -> None:
    assert media_type_of(content_type) == JSON


@pytest.mark.parametrize(
    "charset", [b"", b"; charset=utf-8", b'; charset="UTF-8"', b";a=b;charset=utf8"]
)
def test_utf_8_is_accepted(charset: bytes) -> None:
    assert accepted_media_type(FORM.encode() + charset, b"identity", ACCEPTED) == FORM


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        (None, None),
        (b"text/plain", None),
        (b"application/json; charset=latin-1", None),
        (b"application/json", b"gzip"),
    ],
)
def test_everything_else_is_refused(content_type: bytes | None, encoding: bytes | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        accepted_media_type(content_type, encoding, ACCEPTED)
