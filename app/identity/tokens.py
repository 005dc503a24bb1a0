"""Who is calling: the access tokens of people, and the tokens services show one another.

One service signs access tokens; all others verify them with the public keys it publishes. A token
that is not in order is answered 401 with one constant body, whatever is wrong with it, so that
nobody learns from the answers how to forge a better one.
"""

import base64
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from cryptography.exceptions import InvalidSignature
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.client import Upstream
from app.errors import Forbidden, Unauthenticated
from app.identity.jwks import JwksKeys

MAX_TOKEN_LENGTH = 4096
MAX_LIFETIME = 15 * 60
CLOCK_LEEWAY = 30
"""Seconds two honest clocks may differ: a token that seems to be from the future is a new one."""
EXPIRY_LEEWAY = 5
"""Seconds a token is good after its end. Less: clocks that differ must not lengthen its life."""
MAX_REMEMBERED = 4096

GUEST_PREFIX = "guest_"
"""How the subject of somebody without an account begins."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token speaks for. `expires_at` is in seconds since the epoch."""

    subject: str
    roles: frozenset[str]
    session: str | None
    expires_at: int


class _Header(BaseModel):
    """All a token's header may say. Naming the rest (`jwk`, `jku`, `crit`, …) is refused."""

    model_config = ConfigDict(strict=True, extra="forbid")

    # RFC 9864 renamed EdDSA over this curve to Ed25519; the signature is the same.
    alg: Literal["EdDSA", "Ed25519"]
    typ: Literal["at+jwt"]
    kid: str = Field(min_length=1, max_length=128)


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    iss: str
    aud: str
    sub: str = Field(pattern=r"^[!-~]{1,128}$")
    jti: str = Field(min_length=1, max_length=128)
    sid: str | None = Field(default=None, max_length=128)
    roles: tuple[Annotated[str, Field(max_length=32)], ...] = Field(max_length=16)
    iat: int = Field(ge=0, lt=2**40)
    exp: int = Field(ge=0, lt=2**40)
    nbf: int = Field(default=0, ge=0, lt=2**40)


@dataclass(frozen=True, slots=True)
class _Remembered:
    identity: Identity
    kid: str
    until: float  # monotonic: a wall clock set back must not lengthen a token's life


class TokenVerifier:
    """Verifies access tokens; remembers the good ones until they expire."""

    def __init__(
        self,
        jwks: Upstream,
        *,
        issuer: str,
        audience: str,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = JwksKeys(jwks, clock=clock)
        self._issuer = issuer
        self._audience = audience
        self._wall_clock = wall_clock
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def verify(self, token: str) -> Identity:
        """Return who the token speaks for.

        Raises `Unauthenticated`, always the same, for any token that is not in order, and
        `Unavailable` while the signer's keys were never seen.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _COMPACT.fullmatch(token):
            raise _refusal()
        # The digest, so that a dump of our memory holds no usable token.
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None:
            return await self._still_good(digest, remembered)
        return await self._verify_new(digest, token)

    async def _still_good(self, digest: bytes, remembered: _Remembered) -> Identity:
        if self._clock() >= remembered.until or await self._keys.find(remembered.kid) is None:
            self._remembered.pop(digest, None)
            raise _refusal()
        return remembered.identity

    async def _verify_new(self, digest: bytes, token: str) -> Identity:
        signed, _, signature = token.rpartition(".")
        header_part, _, claims_part = signed.partition(".")
        try:
            header = _Header.model_validate_json(_decode(header_part))
            key = await self._keys.find(header.kid)
            if key is None:
                raise _refusal()
            key.verify(_decode(signature), signed.encode())
            claims = _Claims.model_validate_json(_decode(claims_part))
        except (ValueError, InvalidSignature) as error:  # a ValidationError is a ValueError
            raise _refusal() from error
        seconds_left = self._check(claims)
        identity = Identity(claims.sub, frozenset(claims.roles), claims.sid, claims.exp)
        self._remember(digest, _Remembered(identity, header.kid, self._clock() + seconds_left))
        return identity

    def _check(self, claims: _Claims) -> float:
        """Return the seconds these claims stay good; raise if they are not."""
        now = self._wall_clock()
        seconds_left = claims.exp + EXPIRY_LEEWAY - now
        in_order = (
            claims.iss == self._issuer
            and claims.aud == self._audience
            and 0 < claims.exp - claims.iat <= MAX_LIFETIME
            and max(claims.iat, claims.nbf) <= now + CLOCK_LEEWAY
            and seconds_left > 0
        )
        if not in_order:
            raise _refusal()
        return seconds_left

    def _remember(self, digest: bytes, remembered: _Remembered) -> None:
        self._remembered[digest] = remembered
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def _decode(part: str) -> bytes:
    """Decode base64url in its one canonical form: a token has one spelling, not several."""
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise ValueError("not canonical base64url")
    return decoded


def _refusal() -> Unauthenticated:
    return Unauthenticated("A valid access token is required.")


_bearer = HTTPBearer(scheme_name="accessToken", bearerFormat="JWT", auto_error=False)
_service_token = APIKeyHeader(
    scheme_name="serviceToken",
    name="x-service-token",
    description="The secret services show one another when they act for nobody.",
    auto_error=False,
)


class _Caller(SecurityBase):
    """What is common to a caller's token and identity: where the token is, and the scheme.

    Each is one dependency and not a chain of three, because every request pays for each.
    """

    model = _bearer.model
    scheme_name = _bearer.scheme_name

    async def _token(self, request: Request) -> str:
        credentials = await _bearer(request)
        if credentials is None:
            raise _refusal()
        return credentials.credentials


class _CallerToken(_Caller):
    async def __call__(self, request: Request) -> str:
        return await self._token(request)


class _CallerIdentity(_Caller):
    async def __call__(self, request: Request) -> Identity:
        verifier = cast(TokenVerifier, request.state.verifier)
        return await verifier.verify(await self._token(request))


CallerToken = Annotated[str, Security(_CallerToken())]
"""The caller's own token, to act for them at a neighbour. Not verified by itself."""

CurrentIdentity = Annotated[Identity, Security(_CallerIdentity())]
"""The verified caller; needs `verifier` in the lifespan's state. Answers 401 (or 503)."""


def require_role(role: str) -> Callable[[Identity], Awaitable[Identity]]:
    """Make a dependency that lets only callers with the role through (401, 403)."""

    async def caller_with_role(identity: CurrentIdentity) -> Identity:
        if role not in identity.roles:
            raise Forbidden(f"This needs the role '{role}'.")
        return identity

    return caller_with_role


async def _service_caller(
    request: Request, token: Annotated[str | None, Security(_service_token)]
) -> None:
    accepted = cast(Sequence[SecretStr], request.app.state.settings.service_tokens)
    if token is None or not _is_one_of(token, accepted):
        raise Unauthenticated("A valid service token is required.")


ServiceCaller = Annotated[None, Depends(_service_caller)]
"""Only another service may call; needs `service_tokens` in the app's settings. Answers 401."""


def _is_one_of(token: str, accepted: Sequence[SecretStr]) -> bool:
    """Compare with all of them in constant time: how long it takes says nothing."""
    given = token.encode()
    matches = [hmac.compare_digest(given, one.get_secret_value().encode()) for one in accepted]
    return any(matches)
