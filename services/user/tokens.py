"""Access tokens, which are signed, and refresh tokens, which are random."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

from joserfc import jwt

from services.user.keys.signing_keys import ALGORITHM, SigningKey

_REFRESH_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A random token of two halves, neither of which is stored.

    ``family`` identifies the session and stays the same in every rotation; ``secret`` is new each
    time. So a token that was used before differs from an invented one: it has a known family.
    """

    family: str
    secret: str

    @classmethod
    def new(cls) -> Self:
        return cls(family=secrets.token_urlsafe(16), secret=secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """None if the text has not the form of a token."""
        match = _REFRESH_TOKEN.fullmatch(token)
        return cls(family=match[1], secret=match[2]) if match else None

    def rotated(self) -> "RefreshToken":
        """The next token of the same family."""
        return RefreshToken(family=self.family, secret=secrets.token_urlsafe(32))

    @property
    def session_id(self) -> str:
        """The family's digest. It is in access tokens, and does not reveal the family."""
        digest = hashlib.sha256(self.family.encode()).digest()
        return "ses_" + base64.urlsafe_b64encode(digest[:18]).decode()

    @property
    def digest(self) -> str:
        """What is stored. The secret has 256 random bits, so a plain hash is safe."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.family}.{self.secret}"

    def __repr__(self) -> str:
        return f"RefreshToken({self.session_id!r})"


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Makes access tokens that are valid for ``lifetime`` seconds."""

    issuer: str
    audience: str
    lifetime: int

    def make(
        self, key: SigningKey, *, subject: str, roles: list[str], session_id: str, now: int
    ) -> str:
        """Sign a token. ``now`` is in milliseconds since the epoch."""
        issued_at = now // 1000
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.key_id}
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "sid": session_id,
            "roles": roles,
            "jti": secrets.token_urlsafe(12),
            "iat": issued_at,
            "exp": issued_at + self.lifetime,
        }
        return jwt.encode(header, claims, key.private, algorithms=[ALGORITHM])
