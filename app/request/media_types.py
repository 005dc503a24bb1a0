"""Media types of bodies, and how one is read from a `Content-Type`."""

from functools import lru_cache

from app.errors import UnsupportedMediaType

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
EVENT_STREAM = "text/event-stream"


@lru_cache(maxsize=64)  # a service sees the same few headers again and again
def media_type_of(content_type: bytes) -> str:
    """The media type in lower case, without parameters."""
    return content_type.partition(b";")[0].strip().lower().decode("latin-1")


def accepted_media_type(
    content_type: bytes | None, encoding: bytes | None, accepted: frozenset[str]
) -> str:
    """The media type of a request body. Raises UnsupportedMediaType unless it can be read."""
    if content_type is None or not _is_utf8(content_type):
        raise _unsupported(accepted)
    media_type = media_type_of(content_type)
    if media_type not in accepted:
        raise _unsupported(accepted)
    if encoding not in (None, b"identity"):
        raise UnsupportedMediaType("Compressed bodies are not accepted.")
    return media_type


@lru_cache(maxsize=64)
def _is_utf8(content_type: bytes) -> bool:
    """Whether the charset is UTF-8, or none is given."""
    parameters = content_type.lower().partition(b";")[2].replace(b'"', b"")
    charset = parameters.partition(b"charset=")[2].partition(b";")[0].strip()
    return charset in (b"", b"utf-8", b"utf8")


def _unsupported(accepted: frozenset[str]) -> UnsupportedMediaType:
    allowed = " or ".join(sorted(accepted))
    return UnsupportedMediaType(f"A body must be {allowed}, in UTF-8.")
