"""What a route may ask for, by its name in the shop."""

import hmac
from collections.abc import Sequence
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request
from pydantic import SecretStr

from app.errors import IDEMPOTENCY_KEY, UnprocessablePayload
from app.identity import CurrentIdentity, TokenVerifier
from app.request.idempotency import KeyForm
from services.user.models import Account
from services.user.service import AccountService, SessionService
from services.user.signing import KeyRing

KeyOfGuest = Annotated[str, KeyForm(min_length=32, problem=UnprocessablePayload)]
"""Long enough that two visitors never have the same key by accident."""


class State(TypedDict):
    """What start-up makes, and the end of the process closes."""

    accounts: AccountService
    sessions: SessionService
    keys: KeyRing
    verifier: TokenVerifier


async def _accounts(request: Request) -> AccountService:
    return cast(AccountService, request.state.accounts)


async def _sessions(request: Request) -> SessionService:
    return cast(SessionService, request.state.sessions)


async def _keys(request: Request) -> KeyRing:
    return cast(KeyRing, request.state.keys)


AccountBook = Annotated[AccountService, Depends(_accounts)]
SessionBook = Annotated[SessionService, Depends(_sessions)]
Keys = Annotated[KeyRing, Depends(_keys)]


async def _current_account(identity: CurrentIdentity, accounts: AccountBook) -> Account:
    return await accounts.of_session(identity.subject, identity.session)


CurrentAccount = Annotated[Account, Depends(_current_account)]
"""The account of the caller, whose session is not over. Answers 401, 403, 503."""


async def _client_address(request: Request) -> str:
    """Whose attempt to count.

    Anybody can write ``X-Forwarded-For``. It is believed when another service of the shop
    says it, which shows its service token; then it is the last entry, the one that service
    saw itself. Everybody else is who they connect as.
    """
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded is not None and _is_from_the_shop(request):
        return forwarded.rpartition(",")[2].strip()
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(_client_address)]


async def _guest_key(
    request: Request,
    key: Annotated[
        KeyOfGuest | None,
        Header(
            alias=IDEMPOTENCY_KEY,
            description="The same key is the same guest, with tokens of its own for each request. "
            "Whoever knows the key is that guest: make it of at least 128 random bits and keep "
            "it secret. Looked at when the caller shows a service token (X-Service-Token).",
        ),
    ] = None,
) -> str | None:
    return key if _is_from_the_shop(request) else None


GuestKey = Annotated[str | None, Depends(_guest_key)]


def _is_from_the_shop(request: Request) -> bool:
    accepted = cast(Sequence[SecretStr], request.app.state.settings.service_tokens)
    shown = request.headers.get("x-service-token", "").encode()
    matches = [hmac.compare_digest(shown, token.get_secret_value().encode()) for token in accepted]
    return any(matches)
