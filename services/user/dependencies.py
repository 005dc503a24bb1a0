"""Dependencies of the routes."""

import hmac
from collections.abc import Sequence
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request
from pydantic import SecretStr

from app.errors import IDEMPOTENCY_KEY, UnprocessablePayload
from app.identity import CurrentIdentity, TokenVerifier
from app.request.idempotency import KeyForm
from services.user.keys.signing_keys import SigningKeys
from services.user.models import Account
from services.user.service import AccountService, SessionService

GuestKeyHeader = Annotated[str, KeyForm(min_length=32, problem=UnprocessablePayload)]
"""Long enough that two visitors never have the same key by accident."""


class State(TypedDict):
    """What the lifespan yields."""

    accounts: AccountService
    sessions: SessionService
    keys: SigningKeys
    verifier: TokenVerifier


def _state(request: Request) -> State:
    # `request.state` would cost 3 µs more.
    return cast(State, request.scope["state"])


async def _accounts(request: Request) -> AccountService:
    return _state(request)["accounts"]


async def _sessions(request: Request) -> SessionService:
    return _state(request)["sessions"]


async def _keys(request: Request) -> SigningKeys:
    return _state(request)["keys"]


Accounts = Annotated[AccountService, Depends(_accounts)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Keys = Annotated[SigningKeys, Depends(_keys)]


async def _current_account(identity: CurrentIdentity, accounts: Accounts) -> Account:
    return await accounts.of_session(identity.subject, identity.session)


CurrentAccount = Annotated[Account, Depends(_current_account)]
"""The caller's account. Answers 401 when the session is over, 403 to guests."""


async def _client_address(request: Request) -> str:
    """The IP address whose attempts are counted.

    ``X-Forwarded-For`` is trusted only from a caller with a service token. Its last entry is the
    address that this service saw itself. Other callers have the address of their connection.
    """
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded is not None and _is_from_service(request):
        return forwarded.rpartition(",")[2].strip()
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(_client_address)]


async def _guest_key(
    request: Request,
    key: Annotated[
        GuestKeyHeader | None,
        Header(
            alias=IDEMPOTENCY_KEY,
            description="The same key is the same guest, with tokens of its own for each request. "
            "Everybody who knows the key can act as that guest: give it at least 128 random bits "
            "and keep it secret. It is ignored unless the caller has a service token "
            "(X-Service-Token).",
        ),
    ] = None,
) -> str | None:
    return key if _is_from_service(request) else None


GuestKey = Annotated[str | None, Depends(_guest_key)]


def _is_from_service(request: Request) -> bool:
    accepted = cast(Sequence[SecretStr], request.app.state.settings.service_tokens)
    presented = request.headers.get("x-service-token", "").encode()
    matches = [
        hmac.compare_digest(presented, token.get_secret_value().encode()) for token in accepted
    ]
    return any(matches)
