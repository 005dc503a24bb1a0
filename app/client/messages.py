"""What goes over a connection: requests, headers, and what a transport promises."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a replica listens. `prefix` stands before the path of each request."""

    host: str
    port: int
    authority: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Origin":
        """`url` is `http://host:port`, perhaps with a path."""
        parts = urlsplit(url)
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
        head = "\r\n".join(lines)
        # Counted once for all: a header with a line break of its own would forge another header.
        is_forged = not (head.count("\r") == head.count("\n") == len(lines) - 1)
        if is_forged or "\0" in head or not _REQUEST_LINE.fullmatch(line):
            raise BadRequest("This request cannot be passed on as it is.")
        try:
            return f"{head}\r\n\r\n".encode("latin-1") + self.content
        except UnicodeEncodeError as error:
            raise BadRequest("This request cannot be passed on as it is.") from error


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
