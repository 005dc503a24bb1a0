"""Accounts, sessions and the public keys, over HTTP."""

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
    AccountBook,
    ClientAddress,
    CurrentAccount,
    GuestKey,
    Keys,
    SessionBook,
)
from services.user.models import (
    AccountAnswer,
    AccountChange,
    Credentials,
    DeletionAnswer,
    DeletionsAnswer,
    KeySetAnswer,
    RefreshRequest,
    Registration,
    TokensAnswer,
)
from services.user.rate_limits import TooManyAttempts
from services.user.repository import EmailTaken
from services.user.service import (
    AccountRequired,
    LogInRefused,
    RefreshReplaced,
    SessionOver,
    WrongPassword,
)

KEYS_MAX_AGE = 60
"""Seconds a verifier may keep the keys; a new one is published minutes before it signs."""

DELETIONS = "deletions"
DELETION_POSITION = TypeAdapter(tuple[Milliseconds, SortText])
BEGINNING = (0, "")

router = APIRouter()


@router.post(
    "/v1/users",
    tags=["accounts"],
    status_code=201,
    responses=problems(EmailTaken, TooManyAttempts),
)
async def register(
    registration: Registration, accounts: AccountBook, address: ClientAddress
) -> AccountAnswer:
    """Make an account. Logging in is a step of its own: `POST /v1/sessions`."""
    return AccountAnswer.of(await accounts.register(registration, address=address))


@router.get("/v1/users/me", tags=["accounts"], responses=problems(SessionOver, AccountRequired))
async def read_account(account: CurrentAccount, response: Response) -> AccountAnswer:
    """Your account."""
    _keep_private(response)
    return AccountAnswer.of(account)


@router.patch(
    "/v1/users/me",
    tags=["accounts"],
    responses=problems(SessionOver, AccountRequired, WrongPassword, EmailTaken, TooManyAttempts),
)
async def change_account(
    change: AccountChange,
    account: CurrentAccount,
    identity: CurrentIdentity,
    accounts: AccountBook,
    address: ClientAddress,
) -> AccountAnswer:
    """Change what you send.

    A new e-mail address or password needs `current_password`. A new password logs out
    everywhere else.
    """
    changed = await accounts.change(
        account, change, session_id=identity.session or "", address=address
    )
    return AccountAnswer.of(changed)


@router.delete(
    "/v1/users/me",
    tags=["accounts"],
    status_code=204,
    responses=problems(SessionOver, AccountRequired),
)
async def delete_account(account: CurrentAccount, accounts: AccountBook) -> None:
    """Delete your account: nothing that names you is left in it, and every session ends.

    Orders that are over lose your name and address within a minute, those under way when they
    are delivered or cancelled. What was bought, when, for how much and in which country is
    kept, as the law wants it, under an id that names nobody.
    """
    await accounts.delete(account)


@router.get("/v1/deletions", tags=["accounts"])
async def list_deletions(
    _: ServiceCaller, accounts: AccountBook, limit: Limit = 100, cursor: Cursor = None
) -> DeletionsAnswer:
    """The accounts that were deleted, for services that keep something about people.

    Oldest first, and a quarter of a minute late. The list never ends: keep `next_cursor` and ask
    with it again later. From the start it tells all there ever were.
    """
    after = decode_cursor(cursor, DELETIONS, DELETION_POSITION) if cursor else BEGINNING
    found = await accounts.deletions(after=after, limit=limit)
    if found:
        cursor = encode_cursor([found[-1].deleted_at, found[-1].subject], DELETIONS)
    return DeletionsAnswer(items=[DeletionAnswer.of(one) for one in found], next_cursor=cursor)


@router.post("/v1/guests", tags=["sessions"], status_code=201, responses=problems(TooManyAttempts))
async def welcome_guest(
    sessions: SessionBook, address: ClientAddress, response: Response, key: GuestKey = None
) -> TokensAnswer:
    """Be somebody without an account: enough to fill a cart.

    Two requests of one new visitor that come together, with the same `Idempotency-Key`, are
    one guest.
    """
    _keep_private(response)
    return await sessions.welcome_guest(address=address, key=key)


@router.post(
    "/v1/sessions",
    tags=["sessions"],
    status_code=201,
    responses=problems(LogInRefused, TooManyAttempts),
)
async def log_in(
    credentials: Credentials, sessions: SessionBook, address: ClientAddress, response: Response
) -> TokensAnswer:
    """Log in. The answer to a wrong password and to an unknown account is the same."""
    _keep_private(response)
    return await sessions.log_in(credentials, address=address)


@router.post(
    "/v1/sessions:refresh",
    tags=["sessions"],
    responses=problems(SessionOver, RefreshReplaced),
)
async def refresh(
    request: RefreshRequest, sessions: SessionBook, response: Response
) -> TokensAnswer:
    """Exchange the refresh token for new tokens; it can be used once.

    401: the session is over, log in again; a token that is used again ends its session.
    409: another request used this token a moment ago; use the tokens that one got.
    """
    _keep_private(response)
    return await sessions.refresh(request.refresh_token)


@router.delete("/v1/sessions/current", tags=["sessions"], status_code=204, responses=problems(401))
async def log_out(identity: CurrentIdentity, sessions: SessionBook) -> None:
    """Log out: the refresh token is worth nothing from now on."""
    await sessions.log_out(identity.session)


@router.get("/.well-known/jwks.json", tags=["keys"])
async def public_keys(keys: Keys, response: Response) -> KeySetAnswer:
    """The keys that verify access tokens: Ed25519, as a JWK set (RFC 7517)."""
    response.headers["cache-control"] = f"public, max-age={KEYS_MAX_AGE}"
    return KeySetAnswer(keys=await keys.published())


def _keep_private(response: Response) -> None:
    response.headers["cache-control"] = "no-store"
