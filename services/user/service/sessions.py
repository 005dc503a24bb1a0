"""Opens, refreshes and ends the sessions of users and guests."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Conflict, Unauthenticated
from app.identity import GUEST_PREFIX
from app.stores.clock import Clock
from services.user.keys.signing_keys import SigningKeys
from services.user.metrics import SessionOutcome, UserMetrics
from services.user.models import Credentials, Role, Rotation, Session, TokenResponse
from services.user.passwords import PasswordHasher
from services.user.rate_limiter import RateLimiter, TooManyAttempts
from services.user.repository import AccountRepository, SessionRepository
from services.user.tokens import AccessTokens, RefreshToken


class LogInRefused(Unauthenticated):
    """The same response for a wrong password and for an unknown account."""

    type = "log-in-refused"
    title = "Not logged in"


class SessionOver(Unauthenticated):
    """The session has ended or never existed."""

    type = "session-over"
    title = "The session is over"


class RefreshReplaced(Conflict):
    """Another request has just used this refresh token; the caller has that one's tokens."""

    type = "refresh-replaced"
    title = "Refreshed already"


@dataclass(frozen=True, slots=True)
class SessionTimeouts:
    """How long sessions last, in milliseconds."""

    idle: int
    absolute: int
    # A refresh token that is used again within this time ends no session. Two tabs of one browser
    # refresh at the same moment; only one of them gets new tokens.
    reuse_grace: int = 5_000


class SessionService:
    """Sessions of users who logged in, and of guests."""

    def __init__(
        self,
        sessions: SessionRepository,
        accounts: AccountRepository,
        *,
        keys: SigningKeys,
        access_tokens: AccessTokens,
        passwords: PasswordHasher,
        rate_limiter: RateLimiter,
        timeouts: SessionTimeouts,
        metrics: UserMetrics,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._accounts = accounts
        self._keys = keys
        self._access_tokens = access_tokens
        self._passwords = passwords
        self._rate_limiter = rate_limiter
        self._timeouts = timeouts
        self._metrics = metrics
        self._clock = clock

    async def log_in(self, credentials: Credentials, *, address: str) -> TokenResponse:
        """Open a session for an account.

        An unknown account takes the same steps and the same time as a wrong password. So does a
        request over the limit, which would otherwise show who has logged in from this address.
        Raises `LogInRefused`, `TooManyAttempts`, `PasswordsBusy`.
        """
        try:
            attempt = await self._rate_limiter.count_password_attempt(credentials.email, address)
        except TooManyAttempts:
            await self._passwords.simulate_verify()
            self._metrics.count_session("limited")
            raise
        account = await self._accounts.by_email(credentials.email)
        password_hash = account.password_hash if account else None
        if not await self._passwords.verify(credentials.password, password_hash) or not account:
            if attempt.wait_ms:
                self._metrics.count_session("limited")
                raise TooManyAttempts.until(attempt.wait_ms)
            self._metrics.count_session("refused")
            raise LogInRefused("The e-mail address or the password is wrong.")
        await self._rate_limiter.refund(attempt)
        tokens = await self._open(account.id, account.roles)
        self._metrics.count_session("logged_in")
        return tokens

    async def open_guest_session(self, *, address: str, key: str | None = None) -> TokenResponse:
        """Open a session for a guest.

        The same ``key`` is the same guest at every replica: the guest's id is derived from it.
        Raises `TooManyAttempts`.
        """
        try:
            await self._rate_limiter.count_guest(address)
        except TooManyAttempts:
            self._metrics.count_session("guest_limited")
            raise
        guest_id = secrets.token_hex(16) if key is None else _guest_id_from(key)
        tokens = await self._open(GUEST_PREFIX + guest_id, ["guest"])
        self._metrics.count_session("guest")
        return tokens

    async def refresh(self, token: str) -> TokenResponse:
        """Exchange a refresh token for the next pair of tokens; each can be exchanged once.

        If a token is used again later, it or its successor has been stolen: the session ends for
        everybody who has one. Raises `SessionOver`, `RefreshReplaced`.
        """
        presented = RefreshToken.parse(token)
        if presented is None:
            self._metrics.count_session("refresh_refused")
            raise session_over()
        # First: without a signing key the exchange would use up the token for nothing.
        await self._keys.signing_key()
        following = presented.rotated()
        rotation = await self._rotate(presented, following)
        self._metrics.count_session(_REFRESH_OUTCOMES[rotation.outcome])
        if rotation.outcome == "replaced":
            raise RefreshReplaced("Another request has just used this token.")
        if rotation.outcome != "rotated":
            raise session_over()
        return await self._tokens(following, rotation.subject, list(rotation.roles))

    async def log_out(self, session_id: str | None) -> None:
        """End the session. Other services accept its access token until it expires."""
        if session_id is not None:
            await self._sessions.close(session_id)
        self._metrics.count_session("logged_out")

    async def _rotate(self, presented: RefreshToken, following: RefreshToken) -> Rotation:
        now = self._clock()
        return await self._sessions.rotate(
            presented.session_id,
            token_hash=presented.digest,
            next_hash=following.digest,
            now=now,
            expires_at=now + self._timeouts.idle,
            max_age=self._timeouts.absolute,
            reuse_grace=self._timeouts.reuse_grace,
        )

    async def _open(self, subject: str, roles: list[Role]) -> TokenResponse:
        token, now = RefreshToken.new(), self._clock()
        session = Session(token.session_id, subject, token.digest, now, now + self._timeouts.idle)
        # The tokens first: without a signing key no session must be stored.
        tokens = await self._tokens(token, subject, roles)
        await self._sessions.open(session)
        return tokens

    async def _tokens(self, token: RefreshToken, subject: str, roles: list[Role]) -> TokenResponse:
        access_token = self._access_tokens.make(
            await self._keys.signing_key(),
            subject=subject,
            roles=list(roles),
            session_id=token.session_id,
            now=self._clock(),
        )
        return TokenResponse(
            access_token=access_token,
            refresh_token=str(token),
            expires_in=self._access_tokens.lifetime,
        )


_REFRESH_OUTCOMES: Mapping[str, SessionOutcome] = {
    "rotated": "refreshed",
    "unknown": "refresh_refused",
    "replaced": "refresh_replaced",
    "reused": "refresh_reused",
}


def session_over() -> SessionOver:
    """The error of every session that cannot be used."""
    return SessionOver("The session is over: log in again.")


def _guest_id_from(key: str) -> str:
    """An id that does not reveal the key."""
    return hashlib.sha256(b"guest\0" + key.encode()).hexdigest()[:32]
