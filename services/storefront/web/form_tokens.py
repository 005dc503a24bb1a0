"""Form tokens against CSRF: random, masked on each page, compared in constant time."""

import base64
import hmac
import secrets


def new_form_token() -> str:
    return secrets.token_urlsafe(32)


def masked(token: str) -> str:
    """The token as one page shows it, different each time, so that its length reveals nothing."""
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


def is_same_token(sent: str, kept: str | None) -> bool:
    """Compare the form's token with the cookie's, in constant time.

    It may be unmasked: on a page that a replica of the release before made.
    """
    if not kept:
        return False
    candidates = (sent, unmasked(sent))
    return any(hmac.compare_digest(one.encode(), kept.encode()) for one in candidates)


def _xor(mask: bytes, content: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, content, strict=True))
