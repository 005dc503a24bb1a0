"""Who is calling: access tokens, service tokens, and the keys that tokens are verified with."""

from app.identity.tokens import (
    GUEST_PREFIX,
    CallerToken,
    CurrentIdentity,
    Identity,
    ServiceCaller,
    TokenVerifier,
    require_role,
)

__all__ = [
    "GUEST_PREFIX",
    "CallerToken",
    "CurrentIdentity",
    "Identity",
    "ServiceCaller",
    "TokenVerifier",
    "require_role",
]
