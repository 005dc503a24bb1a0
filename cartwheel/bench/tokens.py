"""Access tokens for the load, signed with a key that lives as long as the bench."""

import json
import secrets
import time
from collections.abc import Sequence

from joserfc import jwt
from joserfc.jwk import OKPKey

LIFETIME = 15 * 60
KEY_ID = "bench"
ISSUER = AUDIENCE = "cartwheel"


class TokenSigner:
    """Signs as the user service does; `jwks` is what that service would publish."""

    def __init__(self) -> None:
        self._key = OKPKey.generate_key("Ed25519", {"kid": KEY_ID, "use": "sig"}, private=True)

    @property
    def jwks(self) -> str:
        return json.dumps({"keys": [self._key.as_dict(private=False)]})

    def token(self, subject: str, *, roles: Sequence[str] = ("user",)) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "jti": secrets.token_urlsafe(8),
            "sid": f"session-{subject}",
            "roles": list(roles),
            "iat": now,
            "exp": now + LIFETIME,
        }
        header = {"alg": "Ed25519", "typ": "at+jwt", "kid": KEY_ID}
        return jwt.encode(header, claims, self._key, algorithms=["Ed25519"])
