"""FastAPI dependencies for routes: who is calling, and may they?"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import SecretStr
from starlette.types import Scope

from app.errors import Forbidden, Unauthenticated
from app.headers import first_value
from app.identity.tokens import TOKEN_REQUIRED, Identity, TokenVerifier

_bearer = HTTPBearer(scheme_name="accessToken", bearerFormat="JWT", auto_error=False)
_service_token = APIKeyHeader(
    scheme_name="serviceToken",
    name="x-service-token",
    description="The secret services show one another when they act for nobody.",
    auto_error=False,
)


class _Caller(SecurityBase):
    """Reads the bearer token; common to a caller's token and identity.

    Each is one dependency instead of a chain of three, because every request pays for them.
    """

    model = _bearer.model
    scheme_name = _bearer.scheme_name

    async def _token(self, request: Request) -> str:
        credentials = await _bearer(request)
        if credentials is None:
            raise Unauthenticated(TOKEN_REQUIRED)
        return credentials.credentials


class _CallerToken(_Caller):
    async def __call__(self, request: Request) -> str:
        return await self._token(request)


class _CallerIdentity(_Caller):
    async def __call__(self, request: Request) -> Identity:
        verifier = cast(TokenVerifier, request.scope["state"]["verifier"])
        # A token that was seen before takes 1.7 µs this way, and 6.2 by the way below.
        token = _usual_bearer_token(request.scope)
        identity = None if token is None else verifier.recall(token)
        if identity is None:
            identity = await verifier.verify(await self._token(request))
        return identity


def _usual_bearer_token(scope: Scope) -> bytes | None:
    """The bearer token if the header is spelled as nearly every client spells it."""
    value = first_value(scope["headers"], b"authorization")
    return value[7:] if value is not None and value.startswith(b"Bearer ") else None


CallerToken = Annotated[str, Security(_CallerToken())]
"""The caller's own token, to act for them at an upstream. Not verified here."""

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
    """Compare with all of them in constant time, so that the duration reveals nothing."""
    given = token.encode()
    matches = [hmac.compare_digest(given, one.get_secret_value().encode()) for one in accepted]
    return any(matches)
