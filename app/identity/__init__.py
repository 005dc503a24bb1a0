"""Who is calling: access tokens, service tokens, and the keys that verify tokens.

`dependencies` are for routes, `tokens` verifies, `jwks` fetches the signer's keys.
"""

from app.identity.dependencies import CallerToken, CurrentIdentity, ServiceCaller, require_role
from app.identity.jwks import JwksClient
from app.identity.tokens import GUEST_PREFIX, Identity, KeySource, TokenVerifier

__all__ = [
    "GUEST_PREFIX",
    "CallerToken",
    "CurrentIdentity",
    "Identity",
    "JwksClient",
    "KeySource",
    "ServiceCaller",
    "TokenVerifier",
    "require_role",
]
