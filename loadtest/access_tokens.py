"""What an access token tells its holder. Its signature is the services' business."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from loadtest.messages import Request

UNKNOWN_OWNER = "unknown"
"""Of a session that was perhaps opened, for somebody whose id no response has told."""


def as_bearer(access_token: str) -> Mapping[str, str]:
    """The header of a request by the holder of this token."""
    return {"authorization": f"Bearer {access_token}"}


def token_of(request: Request) -> str:
    """The access token of a request; empty without one."""
    return token_in(request.headers)


def token_in(headers: Mapping[str, str]) -> str:
    """The access token in the headers of a request; empty without one."""
    return headers.get("authorization", "").removeprefix("Bearer ")


def owner_of(request: Request) -> str:
    """The subject who sends the request."""
    return subject_of(token_of(request))


def subject_of(access_token: str) -> str:
    """The subject of a JSON web token."""
    return str(_claims_of(access_token).get("sub", UNKNOWN_OWNER))


def has_expired(access_token: str) -> bool:
    """Whether a JSON web token can be used no longer, by the clock of this machine."""
    expires_at = _claims_of(access_token).get("exp")
    return isinstance(expires_at, int | float) and expires_at <= time.time()


def _claims_of(access_token: str) -> Mapping[str, Any]:
    """Without any if it is no JSON web token."""
    try:
        payload = access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def name_of_token(token: str) -> str:
    """A name for any token that opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
