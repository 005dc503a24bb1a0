"""The HTTP API of accounts, sessions and public keys."""

from fastapi import APIRouter, Response
from pydantic import TypeAdapter

from app.identity import CurrentIdentity, ServiceCaller
from app.request.pagination import (
    Cursor,
    Limit,
    Milliseconds,
    SortText,
    decode_cursor,
    encode_cursor,
)
from app.request.problems import problems
from services.user.dependencies import (
    Accounts,
    ClientAddress,
    CurrentAccount,
    GuestKey,
    Keys,
    Sessions,
)
from services.user.models import (
    AccountChange,
    AccountResponse,
    Credentials,
    DeletionResponse,
    DeletionsResponse,
    JwksResponse,
    RefreshRequest,
    Registration,
    TokenResponse,
)
from services.user.rate_limiter import TooManyAttempts
from services.user.repository import EmailTaken
from services.user.service import (
    AccountRequired,
    LogInRefused,
    RefreshReplaced,
    SessionOver,
    WrongPassword,
)

JWKS_MAX_AGE = 60
"""How many seconds the keys may be cached; a new one is published minutes before it signs."""

DELETIONS_LIST = "deletions"
DELETION_POSITION = TypeAdapter(tuple[Milliseconds, SortText])
FIRST_POSITION = (0, "")

router = APIRouter()


@router.post(
    "/v1/users",
    tags=["accounts"],
    status_code=201,
    responses=problems(EmailTaken, TooManyAttempts),
)
async def register(
    registration: Registration, accounts: Accounts, address: ClientAddress
) -> AccountResponse:
    """Make an account. To log in, use `POST /v1/sessions`."""
    return AccountResponse.of(await accounts.register(registration, address=address))


@router.get("/v1/users/me", tags=["accounts"], responses=problems(SessionOver, AccountRequired))
async def read_account(account: CurrentAccount, response: Response) -> AccountResponse:
    """Your account."""
    _forbid_caching(response)
    return AccountResponse.of(account)


@router.patch(
    "/v1/users/me",
    tags=["accounts"],
    responses=problems(SessionOver, AccountRequired, WrongPassword, EmailTaken, TooManyAttempts),
)
async def change_account(
    change: AccountChange,
    account: CurrentAccount,
    identity: CurrentIdentity,
    accounts: Accounts,
    address: ClientAddress,
) -> AccountResponse:
    """Change the fields that you send.

    A new e-mail address or password needs `current_password`. A new password ends your other
    sessions.
    """
    changed = await accounts.change(
        account, change, session_id=identity.session or "", address=address
    )
    return AccountResponse.of(changed)


@router.delete(
    "/v1/users/me",
    tags=["accounts"],
    status_code=204,
    responses=problems(SessionOver, AccountRequired),
)
async def delete_account(account: CurrentAccount, accounts: Accounts) -> None:
    """Delete your account: its personal data is removed, and every session ends.

    Completed orders lose your name and address within a minute, open ones when they are delivered
    or cancelled. What was bought, when, for how much and in which country is kept for legal
    reasons, under an id that does not identify you.
    """
    await accounts.delete(account)


@router.get("/v1/deletions", tags=["accounts"])
async def list_deletions(
    _: ServiceCaller, accounts: Accounts, limit: Limit = 100, cursor: Cursor = None
) -> DeletionsResponse:
    """The deleted accounts, for services that store personal data.

    Oldest first, with a delay of a quarter of a minute. The list never ends: keep `next_cursor`
    and continue with it later. Without a cursor it begins with the first deletion of all.
    """
    after = decode_cursor(cursor, DELETIONS_LIST, DELETION_POSITION) if cursor else FIRST_POSITION
    found = await accounts.deletions(after=after, limit=limit)
    if found:
        cursor = encode_cursor([found[-1].deleted_at, found[-1].subject], DELETIONS_LIST)
    return DeletionsResponse(
        items=[DeletionResponse.of(deletion) for deletion in found], next_cursor=cursor
    )


@router.post("/v1/guests", tags=["sessions"], status_code=201, responses=problems(TooManyAttempts))
async def welcome_guest(
    sessions: Sessions, address: ClientAddress, response: Response, key: GuestKey = None
) -> TokenResponse:
    """Become a guest: a visitor without an account, who can fill a cart.

    Requests with the same `Idempotency-Key` are the same guest. So a visitor whose first two
    requests come at the same time is one guest.
    """
    _forbid_caching(response)
    return await sessions.open_guest_session(address=address, key=key)


@router.post(
    "/v1/sessions",
    tags=["sessions"],
    status_code=201,
    responses=problems(LogInRefused, TooManyAttempts),
)
async def log_in(
    credentials: Credentials,
    sessions: Sessions,
    address: ClientAddress,
    response: Response,
) -> TokenResponse:
    """Log in. A wrong password and an unknown account get the same response."""
    _forbid_caching(response)
    return await sessions.log_in(credentials, address=address)


@router.post(
    "/v1/sessions:refresh",
    tags=["sessions"],
    responses=problems(SessionOver, RefreshReplaced),
)
async def refresh(request: RefreshRequest, sessions: Sessions, response: Response) -> TokenResponse:
    """Exchange the refresh token for new tokens; it can be used once.

    401: the session is over, log in again. A token that is used twice ends its session.
    409: another request used this token a moment ago; use the tokens of its response.
    """
    _forbid_caching(response)
    return await sessions.refresh(request.refresh_token)


@router.delete("/v1/sessions/current", tags=["sessions"], status_code=204, responses=problems(401))
async def log_out(identity: CurrentIdentity, sessions: Sessions) -> None:
    """Log out: the refresh token is invalid from now on."""
    await sessions.log_out(identity.session)


@router.get("/.well-known/jwks.json", tags=["keys"])
async def public_keys(keys: Keys, response: Response) -> JwksResponse:
    """The keys that verify access tokens: Ed25519, as a JWK set (RFC 7517)."""
    response.headers["cache-control"] = f"public, max-age={JWKS_MAX_AGE}"
    return JwksResponse(keys=await keys.jwks_entries())


def _forbid_caching(response: Response) -> None:
    response.headers["cache-control"] = "no-store"
