"""Access tokens: signed by one service, verified by all others with the keys it publishes.

A token that is not in order is answered 401 with one constant body, whatever is wrong with it, so
that the responses do not teach how to forge a better one.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field

from app.errors import Unauthenticated

MAX_TOKEN_LENGTH = 4096
MAX_LIFETIME = 15 * 60
CLOCK_LEEWAY = 30
"""Seconds two honest clocks may differ: a token that seems to be from the future is a new one."""
EXPIRY_LEEWAY = 5
"""Seconds a token is valid after its end. Less: clocks that differ must not lengthen its life."""
MAX_VERIFIED = 4096

TOKEN_REQUIRED = "A valid access token is required."
"""The detail of every 401: constant."""

GUEST_PREFIX = "guest_"
"""How the subject of somebody without an account begins."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class _Ed25519Only(jws.JWSRegistry):
    """One algorithm: a token cannot choose how it is verified."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms["Ed25519"]


_REGISTRY = _Ed25519Only()


class KeySource(Protocol):
    """Where the public keys of the signer come from."""

    def is_current(self, kid: str) -> bool:
        """Whether the signer publishes the key, as far as is known without waiting for it.

        False while the keys have to be read again.
        """

    async def find(self, kid: str) -> OKPKey | None:
        """Return the key, or None if the signer does not (any longer) publish it.

        Raises `Unavailable` while no keys are known.
        """


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token speaks for. `expires_at` is in seconds since the epoch."""

    subject: str
    roles: frozenset[str]
    session: str | None
    expires_at: int


class _Header(BaseModel):
    """All that a token's header may contain; `jwk`, `jku`, `crit` and the rest are refused."""

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
class _Verified:
    identity: Identity
    kid: str
    until: float  # monotonic: a wall clock set back must not lengthen a token's life


class TokenVerifier:
    """Verifies access tokens; keeps the result until the token expires."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._wall_clock = wall_clock
        self._clock = clock
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    def recall(self, token: bytes) -> Identity | None:
        """Who the token speaks for, if that is known without waiting; else `verify` decides."""
        verified = self._verified.get(hashlib.sha256(token).digest())
        if (
            verified is None
            or self._clock() >= verified.until
            or not self._keys.is_current(verified.kid)
        ):
            return None
        return verified.identity

    async def verify(self, token: str) -> Identity:
        """Return who the token speaks for.

        Raises `Unauthenticated`, always the same, for any token that is not in order, and
        `Unavailable` while the signer's keys are not known.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _COMPACT.fullmatch(token):
            raise _invalid_token()
        # The digest, so that a dump of our memory contains no usable token.
        digest = hashlib.sha256(token.encode()).digest()
        verified = self._verified.get(digest)
        if verified is None:
            return await self._verify_new(digest, token)
        if self._clock() >= verified.until or await self._keys.find(verified.kid) is None:
            self._verified.pop(digest, None)
            raise _invalid_token()
        return verified.identity

    async def _verify_new(self, digest: bytes, token: str) -> Identity:
        try:
            # Accepts only canonical base64url, so that a token has one spelling.
            signature = jws.extract_compact(token.encode())
            header = _Header.model_validate(signature.headers())
            key = await self._keys.find(header.kid)
            if key is None or not jws.validate_compact(signature, key, registry=_REGISTRY):
                raise _invalid_token()
            claims = _Claims.model_validate_json(signature.payload or b"")
        except (JoseError, ValueError, TypeError) as error:
            # A ValidationError is a ValueError. joserfc raises TypeError for a list as the header.
            raise _invalid_token() from error
        seconds_left = self._check(claims)
        identity = Identity(claims.sub, frozenset(claims.roles), claims.sid, claims.exp)
        self._keep(digest, _Verified(identity, header.kid, self._clock() + seconds_left))
        return identity

    def _check(self, claims: _Claims) -> float:
        """Return the seconds these claims stay valid. Raises if they are not valid."""
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
            raise _invalid_token()
        return seconds_left

    def _keep(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)


def _invalid_token() -> Unauthenticated:
    return Unauthenticated(TOKEN_REQUIRED)
