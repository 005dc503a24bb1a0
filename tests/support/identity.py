"""Access tokens for tests: a signer that issues them, and a JWKS endpoint with its key."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.network import FakeNetwork

ISSUER = "cartwheel"
AUDIENCE = "cartwheel"


def encode(content: bytes) -> str:
    """Encode as base64url without padding, as JOSE wants it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Signer:
    """An Ed25519 key with an id, which signs tokens."""

    def __init__(self, kid: str = "test-key") -> None:
        self.kid = kid
        self._key = Ed25519PrivateKey.generate()

    def jwk(self) -> dict[str, str]:
        """The public key as a JWK."""
        x = encode(self._key.public_key().public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "x": x}

    def sign(self, header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes) -> str:
        """Sign any header and claims, valid or not."""
        parts = [
            encode(part if isinstance(part, bytes) else json.dumps(part).encode())
            for part in (header, claims)
        ]
        signed = ".".join(parts)
        return f"{signed}.{encode(self._key.sign(signed.encode()))}"

    def header(self) -> dict[str, Any]:
        return {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid}

    def token(
        self,
        subject: str = "user_1",
        *,
        roles: Sequence[str] = ("user",),
        session: str | None = "session_1",
        expires_in: float = 600,
        issued_at: float | None = None,
    ) -> str:
        """A valid token; times in seconds."""
        claims = access_claims(
            subject, roles=roles, session=session, expires_in=expires_in, issued_at=issued_at
        )
        return self.sign(self.header(), claims)


def access_claims(
    subject: str = "user_1",
    *,
    roles: Sequence[str] = ("user",),
    session: str | None = "session_1",
    expires_in: float = 600,
    issued_at: float | None = None,
) -> dict[str, Any]:
    """The claims of a valid access token."""
    now = int(time.time() if issued_at is None else issued_at)
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "jti": secrets.token_urlsafe(8),
        "sid": session,
        "roles": list(roles),
        "iat": now,
        "exp": now + int(expires_in),
    }


@cache
def default_signer() -> Signer:
    return Signer()


def token(subject: str = "user_1", roles: Sequence[str] = ("user",), **options: Any) -> str:
    """A valid token signed with the default key."""
    return default_signer().token(subject, roles=roles, **options)


def bearer(subject: str = "user_1", roles: Sequence[str] = ("user",)) -> dict[str, str]:
    """Request headers of a user who is logged in."""
    return {"authorization": f"Bearer {token(subject, roles)}"}


class FreshBearer(Mapping[str, str]):
    """As `bearer`, with a new token at each use: for constants of a run longer than a token."""

    def __init__(self, subject: str, roles: Sequence[str] = ("user",)) -> None:
        self._subject = subject
        self._roles = roles

    def __getitem__(self, name: str) -> str:
        return bearer(self._subject, self._roles)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("authorization",))

    def __len__(self) -> int:
        return 1


def jwks_transport(*signers: Signer) -> FakeNetwork:
    """A transport that serves the JWKS of the signers, by default of the default signer."""
    return FakeNetwork(publish_keys(*signers))


def publish_keys(*signers: Signer) -> Callable[[httpx2.Request], httpx2.Response]:
    def publish(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/.well-known/jwks.json":
            return httpx2.Response(404)
        keys = [signer.jwk() for signer in signers or (default_signer(),)]
        return httpx2.Response(200, json={"keys": keys})

    return publish
