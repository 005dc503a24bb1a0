"""Who may use the console: only its own page, and only with the token to change something.

The console listens on loopback, but every page in the browser of the same person can send requests
there, and a name of a foreign site can point there too (DNS rebinding). So the Host has to be the
console's own, requests that other sites cause are refused, and what changes the shop needs the
token of the link, which no other page knows.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cartwheel.console.server.problems import problem

SAFE_METHODS = ("GET", "HEAD")
METHODS = (*SAFE_METHODS, "POST", "PUT", "DELETE")
HTTP_PORT = 80
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """``hosts`` are the values of the Host header that are the console's own.

    ``without_token`` says how to get the link with the token.
    """

    token: str
    hosts: frozenset[str]
    without_token: str

    def has_token(self, headers: Headers) -> bool:
        """Whether the request carries the token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and secrets.compare_digest(
            token.strip().encode(), self.token.encode()
        )

    def refusal(self, method: str, headers: Headers) -> Response | None:
        """The problem with a request; None if it may be served."""
        host = headers.get("host", "").lower()
        if host not in self.hosts or len(headers.getlist("host")) > 1:
            allowed = ", ".join(sorted(self.hosts))
            return problem(421, "Wrong host", f"This console serves only the host {allowed}.")
        if not _is_own_request(method, headers):
            return problem(403, "Wrong site", "Another site caused this request.")
        if method in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host}":
            return problem(403, "Wrong origin", f"Only a page of http://{host} may change this.")
        if method not in METHODS:
            allow = {"allow": ", ".join(METHODS)}
            return problem(405, "Method Not Allowed", "Nothing here has it.", headers=allow)
        if not self.has_token(headers):
            challenge = {"www-authenticate": "Bearer"}
            return problem(401, "Token needed", self.without_token, headers=challenge)
        return None


def hosts_of(names: Iterable[str], port: int) -> frozenset[str]:
    """The values of the Host header for these host names and a port."""
    values = {f"{name.lower()}:{port}" for name in names}
    if port == HTTP_PORT:
        values |= {name.lower() for name in names}
    return frozenset(values)


class AccessControl:
    """Serves what may be served, with the headers that tell the browser what this page may do."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._access.refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_with_headers)


def _is_own_request(method: str, headers: Headers) -> bool:
    """What the browser says caused it: our page, a person, or a link elsewhere to our page."""
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    is_navigation = headers.get("sec-fetch-mode") == "navigate"
    return method == "GET" and is_navigation and headers.get("sec-fetch-dest") == "document"
