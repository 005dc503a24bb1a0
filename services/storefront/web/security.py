"""What keeps a shopper safe from other sites: security headers, form tokens, own paths only."""

import base64
import hmac
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
IMAGE_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For drawings opened on their own: a picture, never a document that acts."""

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"

# An own path: one slash, then nothing a browser would read as another host or a new line.
_OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~:@!$&'()*+,;=%?-]{0,500}")


class SecurityHeaders:
    """Adds the headers to every answer that does not bring its own."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        extra = {"strict-transport-security": _HSTS} if https else {}
        self.headers = _HEADERS | extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_safely)


def own_path(wanted: str, *, default: str = "/") -> str:
    """The path to go to next if it is one of ours, else the default."""
    return wanted if _OWN_PATH.fullmatch(wanted) else default


def new_form_token() -> str:
    return secrets.token_urlsafe(32)


def masked(token: str) -> str:
    """The token as one page shows it: another text each time, so that its length tells nothing."""
    secret = token.encode()
    mask = secrets.token_bytes(len(secret))
    return base64.urlsafe_b64encode(mask + _xor(mask, secret)).decode().rstrip("=")


def unmasked(shown: str) -> str:
    """The token behind what `masked` made; anything else as it is."""
    try:
        raw = base64.urlsafe_b64decode(shown + "=" * (-len(shown) % 4))
        half = len(raw) // 2
        return _xor(raw[:half], raw[half:]).decode("ascii") if len(raw) == 2 * half else shown
    except ValueError:
        return shown


def _xor(mask: bytes, content: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, content, strict=True))


def is_from_own_page(headers: Headers, *, public_origin: str | None) -> bool:
    """Whether the browser says that the form was on a page of ours.

    Programs send neither header; what stops a forger there is the form token.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    if public_origin is not None:
        return origin == public_origin
    return _host_of(origin) == headers.get("host")


def _host_of(origin: str) -> str | None:
    """Host and port; None for what is no origin."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def names_its_page(headers: Headers) -> bool:
    """Whether the browser says at all what page a form was on. All of today do."""
    return "sec-fetch-site" in headers or "origin" in headers


def is_same_token(sent: str, kept: str | None) -> bool:
    """Compare the form's token with the cookie's, in constant time.

    It may come unmasked: from a page that a replica of the release before has made.
    """
    if not kept:
        return False
    shown = (sent, unmasked(sent))
    return any(hmac.compare_digest(one.encode(), kept.encode()) for one in shown)
