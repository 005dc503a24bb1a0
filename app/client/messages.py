"""What goes over a connection: requests, headers, and what a transport promises."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from app.errors import BadRequest

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""Never passed on (RFC 9110, 7.6.1)."""

Headers = dict[str, str]
"""Names in lower case, as Latin-1: it has a character for every byte."""
Params = Mapping[str, str | int | Sequence[str]]

_HAS_LENGTH = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long their body is even without one (RFC 9110, 8.6)."""
_REQUEST_LINE = re.compile(r"[A-Z]+ /[\x21-\x7e]*")
_CONTROLS = bytes({*range(32), 127} - {9})
"""Not allowed in a header's value (RFC 9110, 5.5)."""


@lru_cache(maxsize=256)
def _is_token(name: str) -> bool:
    """Whether it may be the name of a header."""
    return re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a replica listens. `prefix` stands before the path of each request."""

    host: str
    port: int
    authority: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Origin":
        """`url` is `http://host:port`, perhaps with a path. Raises `ValueError`."""
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError(f"no host in {url!r}")
        authority = parts.netloc.rpartition("@")[2]
        return cls(parts.hostname or "", parts.port or 80, authority, parts.path.rstrip("/"))


@dataclass(slots=True)
class Request:
    """A request to one replica of an upstream.

    `upstream` is its name, for errors, and `url` is the replica's. Headers have lower case names.
    """

    upstream: str
    method: str
    url: str
    target: str
    headers: Headers
    content: bytes

    def encode(self, origin: Origin) -> bytes:
        """Return the bytes to send.

        Raises `BadRequest` for what is not valid HTTP: it can only come from our own caller.
        """
        line = f"{self.method} {origin.prefix}{self.target}"
        lines = [f"{line} HTTP/1.1", f"host: {origin.authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.content or self.method in _HAS_LENGTH:
            lines.append(f"content-length: {len(self.content)}")
        try:
            head = "\r\n".join(lines).encode("latin-1")
        except UnicodeEncodeError as error:
            raise BadRequest("This request cannot be passed on as it is.") from error
        # Counted once for all: a header with a line break of its own would forge another header.
        controls = len(head) - len(head.translate(None, _CONTROLS))
        is_valid = controls == 2 * (len(lines) - 1) and all(map(_is_token, self.headers))
        if not is_valid or not _REQUEST_LINE.fullmatch(line):
            raise BadRequest("This request cannot be passed on as it is.")
        return head + b"\r\n\r\n" + self.content


class Response(Protocol):
    """A response whose head is here."""

    status_code: int
    headers: Headers

    async def next_part(self, seconds: float) -> bytes | None:
        """Return the next bytes of the body, waiting at most so many seconds; None at its end.

        Raises `UpstreamTimeout` if it is too slow and `UpstreamBroken` if it is cut off.
        """

    async def aclose(self) -> None:
        """Close the connection, unless the whole response has been received."""


class Transport(Protocol):
    """Sends requests to replicas."""

    async def send(self, request: Request, *, timeout: float, connect_timeout: float) -> Response:
        """Send and wait at most `timeout` seconds for the response's head.

        Raises `UpstreamError`, and `BadRequest` for what is not valid HTTP.
        """

    async def aclose(self) -> None: ...


def target_of(path: str, params: Params | None) -> str:
    return f"{path}?{urlencode(params, doseq=True)}" if params else path


def joined(fields: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers with names in lower case, the values of equal names joined."""
    headers: Headers = {}
    for name, value in fields:
        add(headers, name, value)
    return headers


def add(headers: Headers, name: str, value: str) -> None:
    """Add a header as it came; values of equal names are joined."""
    key = name.lower()
    headers[key] = f"{headers[key]}, {value}" if key in headers else value


def end_to_end(headers: Headers) -> Headers:
    """Remove the hop-by-hop headers, in place: what is left may be passed on."""
    if (named := headers.get("connection")) is not None:
        for token in named.split(","):
            headers.pop(token.strip().lower(), None)
    for name in HOP_BY_HOP.intersection(headers):
        del headers[name]
    return headers
