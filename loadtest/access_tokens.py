"""What an access token tells its holder. Its signature is the services' business."""

import base64
import hashlib
import json
from collections.abc import Mapping

from loadtest.messages import Request

UNKNOWN_OWNER = "unknown"
"""Of a session that was perhaps opened, for somebody whose id no response has told."""


def as_bearer(access_token: str) -> Mapping[str, str]:
    """The header of a request by the holder of this token."""
    return {"authorization": f"Bearer {access_token}"}


def token_of(request: Request) -> str:
    """The access token of a request; empty without one."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def owner_of(request: Request) -> str:
    """The subject who sends the request."""
    return subject_of(token_of(request))


def subject_of(access_token: str) -> str:
    """The subject of a JSON web token."""
    try:
        payload = access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError):
        return UNKNOWN_OWNER


def name_of_token(token: str) -> str:
    """A name for any token that opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
